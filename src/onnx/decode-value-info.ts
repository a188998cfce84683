import type { WireReader } from '../wire/reader.js';
import { tagOf, WireType } from '../wire/wire-type.js';
import { DataType } from './data-type.js';
import { type DecodeContext, once } from './decode-context.js';
import { FIELDS } from './fields.js';
import { NO_BYTES, type OnnxDim, type OnnxTypeNotes, type OnnxValueInfo } from './model.js';
import { plainBytes } from './plain-bytes.js';
import { RestFields } from './rest-fields.js';

const { varint, bytes } = WireType;

interface DecodedShape {
  readonly dims: readonly OnnxDim[];
  readonly rest: Uint8Array;
  readonly dimRests: readonly Uint8Array[];
}

interface DecodedTensorType {
  readonly elemType: number;
  readonly shape: DecodedShape | null;
  readonly rest: Uint8Array;
}

type DecodedType = Pick<OnnxValueInfo, 'elemType' | 'shape' | 'otherType' | 'typeNotes'>;

const UNKNOWN_TYPE: DecodedType = {
  elemType: DataType.undefined,
  shape: null,
  otherType: null,
  typeNotes: null,
};

/** Decodes a `ValueInfoProto`. */
export function decodeValueInfo(reader: WireReader, context: DecodeContext): OnnxValueInfo {
  let name = '';
  let type: DecodedType | null = null;
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.valueInfo.name, bytes)) {
      name = context.name(reader);
    } else if (tag === tagOf(FIELDS.valueInfo.type, bytes)) {
      type = once(type, `the type of '${name}'`, context.message(reader, decodeType));
    } else {
      rest.keep(start, tag);
    }
  }
  return { name, ...(type ?? UNKNOWN_TYPE), rest: rest.finish() };
}

function decodeType(reader: WireReader, context: DecodeContext): DecodedType {
  const { position, end } = reader;
  let tensor: DecodedTensorType | null = null;
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.type.tensor, bytes)) {
      tensor = once(tensor, 'the tensor type of a value', context.message(reader, decodeTensorType));
    } else {
      rest.keep(start, tag);
    }
  }
  if (tensor === null) {
    return position === end
      ? UNKNOWN_TYPE
      : { ...UNKNOWN_TYPE, otherType: plainBytes(reader.view(position, end)) };
  }
  return {
    elemType: tensor.elemType,
    shape: tensor.shape?.dims ?? null,
    otherType: null,
    typeNotes: typeNotes(rest.finish(), tensor),
  };
}

function typeNotes(type: Uint8Array, { rest, shape }: DecodedTensorType): OnnxTypeNotes | null {
  const notes = { type, tensor: rest, shape: shape?.rest ?? NO_BYTES, dims: shape?.dimRests ?? [] };
  const isEmpty = [notes.type, notes.tensor, notes.shape, ...notes.dims].every(({ length }) => length === 0);
  return isEmpty ? null : notes;
}

function decodeTensorType(reader: WireReader, context: DecodeContext): DecodedTensorType {
  let elemType: number = DataType.undefined;
  let shape: DecodedShape | null = null;
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.tensorType.elemType, varint)) {
      elemType = reader.varint32() | 0;
    } else if (tag === tagOf(FIELDS.tensorType.shape, bytes)) {
      shape = once(shape, 'the shape of a value', context.message(reader, decodeShape));
    } else {
      rest.keep(start, tag);
    }
  }
  return { elemType, shape, rest: rest.finish() };
}

function decodeShape(reader: WireReader, context: DecodeContext): DecodedShape {
  const dims: OnnxDim[] = [];
  const dimRests: Uint8Array[] = [];
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (tag !== tagOf(FIELDS.shape.dim, bytes)) {
      rest.keep(start, tag);
      continue;
    }
    const dim = context.message(reader, decodeDim);
    dims.push(dim.value);
    dimRests.push(dim.rest);
  }
  return { dims, rest: rest.finish(), dimRests };
}

function decodeDim(reader: WireReader, context: DecodeContext): { value: OnnxDim; rest: Uint8Array } {
  let value: OnnxDim = null;
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.dim.value, varint)) {
      value = reader.safeInt64('a dimension');
    } else if (tag === tagOf(FIELDS.dim.param, bytes)) {
      // An empty name says as little as none.
      value = context.name(reader) || null;
    } else {
      rest.keep(start, tag);
    }
  }
  return { value, rest: rest.finish() };
}
