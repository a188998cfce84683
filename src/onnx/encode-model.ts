import type { Buffer } from 'node:buffer';
import { ChunkWriter } from '../wire/chunk-writer.js';
import { bytesOf } from './data-type.js';
import { encodeGraph, encodeNode, type Places } from './encode-graph.js';
import { encodeProperty } from './encode-tensor.js';
import { FIELDS } from './fields.js';
import type { OnnxFunction, OnnxModel, OnnxOpset } from './model.js';
import { OnnxError } from './onnx-error.js';
import { graphsWithin } from './subgraphs.js';
import { elementsOf } from './tensor.js';

/** Protobuf's bound: ONNX keeps the weights of larger models in files beside. */
export const MODEL_BYTES_MAX = 2 ** 31 - 1;

const NO_PLACES: Places = new Map();

/** The bytes of an .onnx file with everything inside. Throws OnnxError when they would be 2 GiB or more. */
export function encodeModel(model: OnnxModel): Buffer {
  return encodeModelProto(model, NO_PLACES).finish();
}

/** Encodes a `ModelProto`; initializers in `places` are left out. Throws OnnxError as `encodeModel` does. */
export function encodeModelProto(model: OnnxModel, places: Places): ChunkWriter {
  const F = FIELDS.model;
  // Weights in another file are read when they are written: not for nothing.
  checkSize(insideBytes(model, places));
  const writer = new ChunkWriter();
  writer.varint(F.irVersion, model.irVersion);
  for (const opset of model.opsets) writer.message(F.opset, encodeOpset(opset));
  writer.message(F.graph, encodeGraph(model.graph, places));
  for (const { key, value } of model.metadata) writer.message(F.metadata, encodeProperty(key, value));
  for (const body of model.functions) writer.message(F.function, encodeFunction(body));
  writer.raw(model.rest);
  checkSize(writer.size);
  return writer;
}

function checkSize(bytes: number): void {
  if (bytes > MODEL_BYTES_MAX) {
    throw new OnnxError(
      `the model would have ${bytes} bytes; beyond ${MODEL_BYTES_MAX} its weights must be in a file beside it`,
    );
  }
}

/** Bytes of the initializers that are not in `places`. */
function insideBytes({ graph }: OnnxModel, places: Places): number {
  let bytes = 0;
  for (const { initializers } of graphsWithin(graph)) {
    for (const tensor of initializers) {
      if (!places.has(tensor)) bytes += bytesOf(tensor.dataType, elementsOf(tensor.dims)) ?? 0;
    }
  }
  return bytes;
}

function encodeOpset({ domain, version }: OnnxOpset): ChunkWriter {
  const writer = new ChunkWriter();
  writer.string(FIELDS.opset.domain, domain);
  writer.varint(FIELDS.opset.version, version);
  return writer;
}

function encodeFunction(body: OnnxFunction): ChunkWriter {
  const F = FIELDS.function;
  const writer = new ChunkWriter();
  writer.string(F.name, body.name);
  for (const node of body.nodes) writer.message(F.node, encodeNode(node, NO_PLACES));
  for (const opset of body.opsets) writer.message(F.opset, encodeOpset(opset));
  writer.string(F.domain, body.domain);
  writer.raw(body.rest);
  return writer;
}
