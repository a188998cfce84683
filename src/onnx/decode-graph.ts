import type { WireReader } from '../wire/reader.js';
import { tagOf, WireType } from '../wire/wire-type.js';
import { AttributeFields } from './attribute-fields.js';
import { type DecodeContext, once } from './decode-context.js';
import { decodeSparseTensor, decodeTensor } from './decode-tensor.js';
import { decodeValueInfo } from './decode-value-info.js';
import { domainOf } from './domain.js';
import { FIELDS } from './fields.js';
import type {
  OnnxAttribute,
  OnnxGraph,
  OnnxInt,
  OnnxNode,
  OnnxSparseTensor,
  OnnxTensor,
  OnnxValueInfo,
} from './model.js';
import { plainBytes } from './plain-bytes.js';
import { RestFields } from './rest-fields.js';
import { sortNodes } from './sort-nodes.js';

const { varint, bytes, fixed32 } = WireType;

/** Decodes a `GraphProto`. */
export function decodeGraph(reader: WireReader, context: DecodeContext): OnnxGraph {
  const F = FIELDS.graph;
  let name = '';
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const sparseInitializers: OnnxSparseTensor[] = [];
  const inputs: OnnxValueInfo[] = [];
  const outputs: OnnxValueInfo[] = [];
  const valueInfos: OnnxValueInfo[] = [];
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case tagOf(F.node, bytes):
        nodes.push(context.message(reader, decodeNode));
        break;
      case tagOf(F.name, bytes):
        name = context.name(reader);
        break;
      case tagOf(F.initializer, bytes):
        initializers.push(context.message(reader, decodeTensor));
        break;
      case tagOf(F.sparseInitializer, bytes):
        sparseInitializers.push(context.message(reader, decodeSparseTensor));
        break;
      case tagOf(F.input, bytes):
        inputs.push(context.message(reader, decodeValueInfo));
        break;
      case tagOf(F.output, bytes):
        outputs.push(context.message(reader, decodeValueInfo));
        break;
      case tagOf(F.valueInfo, bytes):
        valueInfos.push(context.message(reader, decodeValueInfo));
        break;
      default:
        rest.keep(start, tag);
    }
  }
  return {
    name,
    // Runtimes accept nodes in any order, the format does not.
    nodes: sortNodes(nodes),
    initializers,
    sparseInitializers,
    inputs,
    outputs,
    valueInfos,
    rest: rest.finish(),
  };
}

/** Decodes a `NodeProto`. */
export function decodeNode(reader: WireReader, context: DecodeContext): OnnxNode {
  const F = FIELDS.node;
  let name = '';
  let opType = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case tagOf(F.input, bytes):
        inputs.push(context.name(reader));
        break;
      case tagOf(F.output, bytes):
        outputs.push(context.name(reader));
        break;
      case tagOf(F.name, bytes):
        name = context.name(reader);
        break;
      case tagOf(F.opType, bytes):
        opType = context.name(reader);
        break;
      case tagOf(F.domain, bytes):
        domain = domainOf(context.name(reader));
        break;
      case tagOf(F.attribute, bytes):
        attributes.push(context.message(reader, decodeAttribute));
        break;
      default:
        rest.keep(start, tag);
    }
  }
  return { name, opType, domain, inputs, outputs, attributes, rest: rest.finish() };
}

function decodeAttribute(reader: WireReader, context: DecodeContext): OnnxAttribute {
  const fields = new AttributeFields();
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (!decodeAttributeField(reader, context, fields, tag)) rest.keep(start, tag);
  }
  return fields.finish(rest.finish());
}

function decodeAttributeField(
  reader: WireReader,
  context: DecodeContext,
  fields: AttributeFields,
  tag: number,
): boolean {
  const F = FIELDS.attribute;
  switch (tag) {
    case tagOf(F.name, bytes):
      fields.name = context.name(reader);
      return true;
    case tagOf(F.reference, bytes):
      fields.reference = context.name(reader);
      return true;
    case tagOf(F.type, varint):
      fields.code = reader.varint32() | 0;
      return true;
    case tagOf(F.float, fixed32):
      fields.float = reader.float();
      return true;
    case tagOf(F.int, varint):
      fields.int = reader.anyInt64();
      return true;
    case tagOf(F.string, bytes):
      fields.string = plainBytes(reader.bytes());
      return true;
    case tagOf(F.typeProto, bytes):
      fields.typeProto = once(fields.typeProto, 'the type of an attribute', plainBytes(reader.bytes()));
      return true;
    case tagOf(F.tensor, bytes):
      fields.tensor = once(
        fields.tensor,
        'the tensor of an attribute',
        context.message(reader, decodeTensor),
      );
      return true;
    case tagOf(F.graph, bytes):
      fields.graph = once(fields.graph, 'the graph of an attribute', context.graph(reader, decodeGraph));
      return true;
    case tagOf(F.sparseTensor, bytes):
      fields.sparseTensor = once(
        fields.sparseTensor,
        'the sparse tensor of an attribute',
        context.message(reader, decodeSparseTensor),
      );
      return true;
    default:
      return decodeListField(reader, context, fields, tag);
  }
}

function decodeListField(
  reader: WireReader,
  context: DecodeContext,
  fields: AttributeFields,
  tag: number,
): boolean {
  const F = FIELDS.attribute;
  switch (tag) {
    case tagOf(F.floats, bytes):
    case tagOf(F.floats, fixed32):
      forEachNumber(reader, tag, () => fields.floats.push(number(context, reader.float())));
      return true;
    case tagOf(F.ints, bytes):
    case tagOf(F.ints, varint):
      forEachNumber(reader, tag, () => fields.ints.push(number(context, reader.anyInt64())));
      return true;
    case tagOf(F.strings, bytes):
      context.spendObject();
      fields.strings.push(plainBytes(reader.bytes()));
      return true;
    case tagOf(F.typeProtos, bytes):
      context.spendObject();
      fields.typeProtos.push(plainBytes(reader.bytes()));
      return true;
    case tagOf(F.tensors, bytes):
      fields.tensors.push(context.message(reader, decodeTensor));
      return true;
    case tagOf(F.graphs, bytes):
      fields.graphs.push(context.graph(reader, decodeGraph));
      return true;
    case tagOf(F.sparseTensors, bytes):
      fields.sparseTensors.push(context.message(reader, decodeSparseTensor));
      return true;
    default:
      return false;
  }
}

/** Calls `read` for the one number of an unpacked field, or for each of a packed one. */
function forEachNumber(reader: WireReader, tag: number, read: () => void): void {
  if ((tag & 7) !== bytes) {
    read();
    return;
  }
  const outerEnd = reader.enter();
  while (!reader.atEnd) read();
  reader.leave(outerEnd);
}

function number<T extends OnnxInt>(context: DecodeContext, value: T): T {
  context.spend(16);
  return value;
}
