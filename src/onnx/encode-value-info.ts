import { ChunkWriter } from '../wire/chunk-writer.js';
import { DataType } from './data-type.js';
import { FIELDS } from './fields.js';
import { NO_BYTES, type OnnxDim, type OnnxValueInfo } from './model.js';

/** Encodes a `ValueInfoProto`. */
export function encodeValueInfo(info: OnnxValueInfo): ChunkWriter {
  const writer = new ChunkWriter();
  writer.string(FIELDS.valueInfo.name, info.name);
  if (info.otherType !== null) {
    writer.bytes(FIELDS.valueInfo.type, info.otherType);
  } else if (info.elemType !== DataType.undefined || info.shape !== null || info.typeNotes !== null) {
    writer.message(FIELDS.valueInfo.type, encodeType(info));
  }
  writer.raw(info.rest);
  return writer;
}

function encodeType({ elemType, shape, typeNotes }: OnnxValueInfo): ChunkWriter {
  const tensor = new ChunkWriter();
  tensor.varint(FIELDS.tensorType.elemType, elemType);
  if (shape !== null) {
    const writer = new ChunkWriter();
    const notes = typeNotes?.dims.length === shape.length ? typeNotes.dims : [];
    for (const [axis, dim] of shape.entries()) {
      writer.message(FIELDS.shape.dim, encodeDim(dim, notes[axis] ?? NO_BYTES));
    }
    writer.raw(typeNotes?.shape ?? NO_BYTES);
    tensor.message(FIELDS.tensorType.shape, writer);
  }
  tensor.raw(typeNotes?.tensor ?? NO_BYTES);
  const type = new ChunkWriter();
  type.message(FIELDS.type.tensor, tensor);
  type.raw(typeNotes?.type ?? NO_BYTES);
  return type;
}

function encodeDim(dim: OnnxDim, note: Uint8Array): ChunkWriter {
  const writer = new ChunkWriter();
  if (typeof dim === 'number') writer.varint(FIELDS.dim.value, dim);
  else if (dim !== null) writer.string(FIELDS.dim.param, dim);
  writer.raw(note);
  return writer;
}
