import type { WireReader } from '../wire/reader.js';
import { tagOf, WireType } from '../wire/wire-type.js';
import { bitsOf, bytesOf, DataType } from './data-type.js';
import { type DecodeContext, once } from './decode-context.js';
import { ElementSink } from './element-sink.js';
import { decodeExternalEntry, type ExternalEntry, externalPlaceOf } from './external-entry.js';
import { FIELDS } from './fields.js';
import { NO_BYTES, type OnnxSparseTensor, type OnnxTensor } from './model.js';
import { OnnxError } from './onnx-error.js';
import { plainBytes } from './plain-bytes.js';
import { RestFields } from './rest-fields.js';
import { checkTensor, elementsOf, tensorText } from './tensor.js';

const F = FIELDS.tensor;
const { varint, bytes, fixed32, fixed64 } = WireType;

/** Which element types each list of numbers may hold. */
const LISTS: Readonly<Record<'float' | 'double' | 'int32' | 'int64' | 'uint64', readonly number[]>> = {
  float: [DataType.float, DataType.complex64],
  double: [DataType.double, DataType.complex128],
  int64: [DataType.int64],
  uint64: [DataType.uint32, DataType.uint64],
  int32: [
    DataType.int32,
    DataType.int16,
    DataType.int8,
    DataType.int4,
    DataType.int2,
    DataType.uint16,
    DataType.uint8,
    DataType.uint4,
    DataType.uint2,
    DataType.bool,
    DataType.float16,
    DataType.bfloat16,
    DataType.float8e4m3fn,
    DataType.float8e4m3fnuz,
    DataType.float8e5m2,
    DataType.float8e5m2fnuz,
    DataType.float8e8m0,
    DataType.float4e2m1,
  ],
};

/** The fields of a tensor as they come, before anything is known of their order. */
class TensorFields {
  name = '';
  dataType: number = DataType.undefined;
  readonly dims: number[] = [];
  raw: Uint8Array | null = null;
  list: keyof typeof LISTS | null = null;
  readonly strings: Uint8Array[] = [];
  readonly external: ExternalEntry[] = [];
  isExternal = false;
}

/** Decodes a `TensorProto`, whichever way its elements are stored. */
export function decodeTensor(reader: WireReader, context: DecodeContext): OnnxTensor {
  const start = reader.position;
  const fields = new TensorFields();
  const rest = new RestFields(reader, context);
  while (!reader.atEnd) decodeField(reader, context, fields, rest);
  const { name, dataType, dims, strings } = fields;
  const expected = checkedBytes(fields);
  const base = { name, dataType, dims, rest: rest.finish() };
  if (fields.isExternal) return externalTensor(base, fields, expected, context);
  if (dataType === DataType.string) {
    refuseUnless(fields.raw === null && fields.list === null, fields, 'has numbers among its strings');
    const tensor = { ...base, data: NO_BYTES, strings };
    checkTensor(tensor, NO_BYTES);
    return tensor;
  }
  refuseUnless(strings.length === 0, fields, 'has strings among its numbers');
  const data = elementBytes(reader, start, context, fields);
  const tensor = { ...base, data, strings: [] };
  checkTensor(tensor, data);
  return tensor;
}

/** Decodes a `SparseTensorProto`. */
export function decodeSparseTensor(reader: WireReader, context: DecodeContext): OnnxSparseTensor {
  const { values: valuesField, indices: indicesField, dims: dimsField } = FIELDS.sparseTensor;
  const dims: number[] = [];
  const rest = new RestFields(reader, context);
  let values: OnnxTensor | null = null;
  let indices: OnnxTensor | null = null;
  while (!reader.atEnd) {
    const start = reader.position;
    const tag = reader.tag();
    if (tag === tagOf(valuesField, bytes)) {
      values = once(values, 'the values of a sparse tensor', context.message(reader, decodeTensor));
    } else if (tag === tagOf(indicesField, bytes)) {
      indices = once(indices, 'the indices of a sparse tensor', context.message(reader, decodeTensor));
    } else if (!decodeDims(reader, context, tag, dimsField, dims)) {
      rest.keep(start, tag);
    }
  }
  if (values === null || indices === null) throw new OnnxError('a sparse tensor has no values or no indices');
  return { values, indices, dims, rest: rest.finish() };
}

function decodeField(
  reader: WireReader,
  context: DecodeContext,
  fields: TensorFields,
  rest: RestFields,
): void {
  const start = reader.position;
  const tag = reader.tag();
  switch (tag) {
    case tagOf(F.name, bytes):
      fields.name = context.name(reader);
      return;
    case tagOf(F.dataType, varint):
      fields.dataType = reader.varint32() | 0;
      return;
    case tagOf(F.rawData, bytes):
      fields.raw = plainBytes(reader.bytes());
      return;
    case tagOf(F.stringData, bytes):
      context.spendObject();
      fields.strings.push(plainBytes(reader.bytes()));
      return;
    case tagOf(F.dataLocation, varint):
      fields.isExternal = reader.varint32() === 1;
      return;
    case tagOf(F.externalData, bytes):
      fields.external.push(context.message(reader, decodeExternalEntry));
      return;
    default:
      if (decodeDims(reader, context, tag, F.dims, fields.dims)) return;
  }
  const list = listOf(tag);
  if (list === null) rest.keep(start, tag);
  else seeList(reader, fields, tag, list);
}

/** Reads a part of a list of dimensions; false when the tag is that of another field. */
function decodeDims(
  reader: WireReader,
  context: DecodeContext,
  tag: number,
  field: number,
  dims: number[],
): boolean {
  if (tag === tagOf(field, varint)) {
    dims.push(dimension(reader, context));
  } else if (tag === tagOf(field, bytes)) {
    const outerEnd = reader.enter();
    while (!reader.atEnd) dims.push(dimension(reader, context));
    reader.leave(outerEnd);
  } else {
    return false;
  }
  return true;
}

function dimension(reader: WireReader, context: DecodeContext): number {
  context.spend(8);
  const value = reader.safeInt64('a dimension');
  if (value < 0) throw new OnnxError(`a tensor has the dimension ${value}`);
  return value;
}

function listOf(tag: number): keyof typeof LISTS | null {
  switch (tag) {
    case tagOf(F.floatData, bytes):
    case tagOf(F.floatData, fixed32):
      return 'float';
    case tagOf(F.doubleData, bytes):
    case tagOf(F.doubleData, fixed64):
      return 'double';
    case tagOf(F.int32Data, bytes):
    case tagOf(F.int32Data, varint):
      return 'int32';
    case tagOf(F.int64Data, bytes):
    case tagOf(F.int64Data, varint):
      return 'int64';
    case tagOf(F.uint64Data, bytes):
    case tagOf(F.uint64Data, varint):
      return 'uint64';
    default:
      return null;
  }
}

/** Notes that there is a list; it is read when the element type is known. */
function seeList(reader: WireReader, fields: TensorFields, tag: number, list: keyof typeof LISTS): void {
  const start = reader.position;
  reader.skip(tag);
  const isEmptyRun = (tag & 7) === bytes && reader.position === start + 1;
  if (isEmptyRun) return;
  refuseUnless(fields.list === null || fields.list === list, fields, 'has elements of two kinds');
  fields.list = list;
}

/** The elements of a tensor that is no string tensor, wherever in the message from `start` on they stand. */
function elementBytes(
  reader: WireReader,
  start: number,
  context: DecodeContext,
  fields: TensorFields,
): Uint8Array {
  const { list, raw, dataType } = fields;
  if (list === null) return raw ?? NO_BYTES;
  refuseUnless(raw === null || raw.length === 0, fields, 'has elements in two places');
  refuseUnless(LISTS[list].includes(dataType), fields, `has its elements in the list for ${list}`);
  const width = Math.max(8, bitsOf(dataType) ?? 0) / 8;
  const sink = new ElementSink(context);
  reader.seek(start, reader.end);
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (listOf(tag) !== list) {
      reader.skip(tag);
    } else if (list === 'float' || list === 'double') {
      if ((tag & 7) === bytes) sink.fixedRun(reader);
      else sink.fixed(reader, list === 'float' ? 4 : 8);
    } else if ((tag & 7) === bytes) {
      sink.varintRun(reader, width);
    } else {
      sink.varint(reader, width);
    }
  }
  return sink.finish();
}

function externalTensor(
  base: Pick<OnnxTensor, 'name' | 'dataType' | 'dims' | 'rest'>,
  fields: TensorFields,
  expected: number | null,
  context: DecodeContext,
): OnnxTensor {
  const { raw, list, strings, dataType } = fields;
  refuseUnless(dataType !== DataType.string, fields, 'has strings in an external file');
  const isInside = (raw !== null && raw.length > 0) || list !== null || strings.length > 0;
  refuseUnless(!isInside, fields, 'has elements in two places');
  const place = externalPlaceOf(fields.external, fields.name, expected);
  if (place.bytes === 0) return { ...base, data: NO_BYTES, strings: [] };
  context.checkDataBytes(place.bytes);
  if (context.external === null) {
    throw new OnnxError(
      `the elements of tensor '${fields.name}' are in the file '${place.location}', not here`,
    );
  }
  const read = context.external(place);
  return {
    ...base,
    strings: [],
    get data() {
      return read();
    },
  };
}

/** How many bytes the elements must have; null where the element type says nothing of that. */
function checkedBytes(fields: TensorFields): number | null {
  if (fields.dataType === DataType.undefined) {
    const isEmpty = fields.list === null && (fields.raw?.length ?? 0) === 0;
    refuseUnless(isEmpty && !fields.isExternal, fields, 'has elements of no type');
    return null;
  }
  const expected = bytesOf(fields.dataType, elementsOf(fields.dims));
  refuseUnless(expected === null || Number.isSafeInteger(expected), fields, 'is larger than any file');
  return expected;
}

function refuseUnless(condition: boolean, fields: TensorFields, problem: string): asserts condition {
  if (!condition) throw new OnnxError(`${tensorText(fields)} ${problem}`);
}
