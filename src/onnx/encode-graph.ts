import { ChunkWriter } from '../wire/chunk-writer.js';
import type { ExternalPlace } from './decode-context.js';
import { encodeSparseTensor, encodeTensor } from './encode-tensor.js';
import { encodeValueInfo } from './encode-value-info.js';
import { ATTRIBUTE_TYPES, FIELDS } from './fields.js';
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor } from './model.js';

/** Where initializers lie that are not written into the model. */
export type Places = ReadonlyMap<OnnxTensor, ExternalPlace>;

/** Encodes a `GraphProto`. */
export function encodeGraph(graph: OnnxGraph, places: Places): ChunkWriter {
  const F = FIELDS.graph;
  const writer = new ChunkWriter();
  for (const node of graph.nodes) writer.message(F.node, encodeNode(node, places));
  writer.string(F.name, graph.name);
  for (const tensor of graph.initializers) {
    writer.message(F.initializer, encodeTensor(tensor, places.get(tensor)));
  }
  for (const tensor of graph.sparseInitializers)
    writer.message(F.sparseInitializer, encodeSparseTensor(tensor));
  for (const info of graph.inputs) writer.message(F.input, encodeValueInfo(info));
  for (const info of graph.outputs) writer.message(F.output, encodeValueInfo(info));
  for (const info of graph.valueInfos) writer.message(F.valueInfo, encodeValueInfo(info));
  writer.raw(graph.rest);
  return writer;
}

/** Encodes a `NodeProto`. */
export function encodeNode(node: OnnxNode, places: Places): ChunkWriter {
  const F = FIELDS.node;
  const writer = new ChunkWriter();
  for (const name of node.inputs) writer.string(F.input, name);
  for (const name of node.outputs) writer.string(F.output, name);
  if (node.name !== '') writer.string(F.name, node.name);
  writer.string(F.opType, node.opType);
  if (node.domain !== '') writer.string(F.domain, node.domain);
  for (const attribute of node.attributes) writer.message(F.attribute, encodeAttribute(attribute, places));
  writer.raw(node.rest);
  return writer;
}

function encodeAttribute(attribute: OnnxAttribute, places: Places): ChunkWriter {
  const F = FIELDS.attribute;
  const writer = new ChunkWriter();
  writer.string(F.name, attribute.name);
  writeValue(writer, attribute, places);
  const code = attribute.type === 'reference' ? attribute.code : ATTRIBUTE_TYPES[attribute.type];
  writer.varint(F.type, code);
  writer.raw(attribute.rest);
  return writer;
}

/** Lists are not packed, which is how ONNX declares them. */
function writeValue(writer: ChunkWriter, attribute: OnnxAttribute, places: Places): void {
  const F = FIELDS.attribute;
  switch (attribute.type) {
    case 'float':
      writer.float(F.float, attribute.value);
      break;
    case 'int':
      writer.varint(F.int, attribute.value);
      break;
    case 'string':
      writer.bytes(F.string, attribute.value);
      break;
    case 'tensor':
      writer.message(F.tensor, encodeTensor(attribute.value));
      break;
    case 'graph':
      writer.message(F.graph, encodeGraph(attribute.value, places));
      break;
    case 'sparse-tensor':
      writer.message(F.sparseTensor, encodeSparseTensor(attribute.value));
      break;
    case 'type':
      writer.bytes(F.typeProto, attribute.value);
      break;
    case 'floats':
      for (const value of attribute.value) writer.float(F.floats, value);
      break;
    case 'ints':
      for (const value of attribute.value) writer.varint(F.ints, value);
      break;
    case 'strings':
      for (const value of attribute.value) writer.bytes(F.strings, value);
      break;
    case 'tensors':
      for (const value of attribute.value) writer.message(F.tensors, encodeTensor(value));
      break;
    case 'graphs':
      for (const value of attribute.value) writer.message(F.graphs, encodeGraph(value, places));
      break;
    case 'sparse-tensors':
      for (const value of attribute.value) writer.message(F.sparseTensors, encodeSparseTensor(value));
      break;
    case 'types':
      for (const value of attribute.value) writer.bytes(F.typeProtos, value);
      break;
    case 'reference':
      writer.string(F.reference, attribute.value);
      break;
    default:
      attribute satisfies never;
  }
}
