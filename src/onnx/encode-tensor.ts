import { ChunkWriter } from '../wire/chunk-writer.js';
import { DataType } from './data-type.js';
import type { ExternalPlace } from './decode-context.js';
import { FIELDS } from './fields.js';
import type { OnnxSparseTensor, OnnxTensor } from './model.js';
import { checkTensor } from './tensor.js';

const F = FIELDS.tensor;
const DATA_LOCATION_EXTERNAL = 1;

/**
 * Encodes a `TensorProto` whose elements are inside, or at `place` in another file. Throws OnnxError when they
 * do not fit its dimensions.
 */
export function encodeTensor(tensor: OnnxTensor, place?: ExternalPlace): ChunkWriter {
  const writer = new ChunkWriter();
  for (const dim of tensor.dims) writer.varint(F.dims, dim);
  writer.varint(F.dataType, tensor.dataType);
  if (tensor.name !== '') writer.string(F.name, tensor.name);
  if (place !== undefined) {
    writer.message(F.externalData, encodeProperty('location', place.location));
    writer.message(F.externalData, encodeProperty('offset', String(place.offset)));
    writer.message(F.externalData, encodeProperty('length', String(place.bytes)));
    writer.varint(F.dataLocation, DATA_LOCATION_EXTERNAL);
    writer.raw(tensor.rest);
    return writer;
  }
  const { data } = tensor;
  checkTensor(tensor, data);
  if (tensor.dataType === DataType.string) {
    for (const element of tensor.strings) writer.bytes(F.stringData, element);
  } else if (tensor.dataType !== DataType.undefined) {
    writer.bytes(F.rawData, data);
  }
  writer.raw(tensor.rest);
  return writer;
}

/** Encodes a `SparseTensorProto`. */
export function encodeSparseTensor(tensor: OnnxSparseTensor): ChunkWriter {
  const writer = new ChunkWriter();
  writer.message(FIELDS.sparseTensor.values, encodeTensor(tensor.values));
  writer.message(FIELDS.sparseTensor.indices, encodeTensor(tensor.indices));
  for (const dim of tensor.dims) writer.varint(FIELDS.sparseTensor.dims, dim);
  writer.raw(tensor.rest);
  return writer;
}

/** Encodes a `StringStringEntryProto`. */
export function encodeProperty(key: string, value: string): ChunkWriter {
  const writer = new ChunkWriter();
  writer.string(FIELDS.property.key, key);
  writer.string(FIELDS.property.value, value);
  return writer;
}
