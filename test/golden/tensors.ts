import { createHash } from 'node:crypto';
import type { Json, JsonObject } from './recording.js';

/** An answer of ours in the form of the recording: tensors decoded, long ones as a hash. */
export function toRecordedInfer(response: JsonObject): JsonObject {
  const raw = response.raw_output_contents as unknown as Uint8Array[];
  const outputs = (response.outputs as JsonObject[]).map((output, index): JsonObject => {
    const { parameters, contents: _, ...rest } = output;
    const recorded: JsonObject = {
      ...rest,
      shape: (output.shape as Json[]).map(Number),
      data: toRecordedData(String(output.datatype), raw[index] ?? new Uint8Array()),
    };
    return isEmpty(parameters) ? recorded : { ...recorded, parameters: parameters as Json };
  });
  const { parameters, raw_output_contents: _, ...rest } = response;
  const recorded: JsonObject = { ...rest, outputs, raw_output_contents: raw.length };
  return isEmpty(parameters) ? recorded : { ...recorded, parameters: parameters as Json };
}

/** The elements of a tensor as the recording has them. */
export function toRecordedData(datatype: string, data: Uint8Array): Json {
  return shorten(decode(datatype, data), /^U?INT/.test(datatype));
}

function isEmpty(value: Json | undefined): boolean {
  return value === undefined || value === null || Object.keys(value).length === 0;
}

function decode(datatype: string, data: Uint8Array): Json[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = (size: number, element: (offset: number) => number): Json[] =>
    Array.from({ length: data.length / size }, (_, i) => toJsonNumber(element(i * size)));
  switch (datatype) {
    case 'BOOL':
      return [...data].map((byte) => byte !== 0);
    case 'UINT8':
      return [...data];
    case 'INT8':
      return read(1, (offset) => view.getInt8(offset));
    case 'UINT16':
      return read(2, (offset) => view.getUint16(offset, true));
    case 'INT16':
      return read(2, (offset) => view.getInt16(offset, true));
    case 'UINT32':
      return read(4, (offset) => view.getUint32(offset, true));
    case 'INT32':
      return read(4, (offset) => view.getInt32(offset, true));
    case 'UINT64':
      return read(8, (offset) => Number(view.getBigUint64(offset, true)));
    case 'INT64':
      return read(8, (offset) => Number(view.getBigInt64(offset, true)));
    case 'FP16':
      return read(2, (offset) => significant(halfToNumber(view.getUint16(offset, true))));
    case 'FP32':
      return read(4, (offset) => significant(view.getFloat32(offset, true)));
    case 'FP64':
      return read(8, (offset) => significant(view.getFloat64(offset, true)));
    default:
      return decodeBytes(data);
  }
}

const toJsonNumber = (value: number): Json =>
  Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? value : value > 0 ? 'Infinity' : '-Infinity';

const significant = (value: number): number =>
  Number.isFinite(value) ? Number(value.toPrecision(6)) : value;

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function decodeBytes(data: Uint8Array): Json[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const strings: Json[] = [];
  for (let offset = 0; offset < data.length; ) {
    const length = view.getUint32(offset, true);
    const element = data.subarray(offset + 4, offset + 4 + length);
    const text = Buffer.from(element).toString('utf8');
    const isText = Buffer.from(text).equals(element);
    if (!isText) strings.push({ base64: Buffer.from(element).toString('base64') });
    else if (text.length > 200) strings.push({ length: text.length, sha256: sha256(text) });
    else strings.push(text);
    offset += 4 + length;
  }
  return strings;
}

/** More than 40 elements are recorded as count, first ones and hash, which is of Python's JSON: ours of integers alike. */
function shorten(data: Json[], areWhole: boolean): Json {
  if (data.length <= 40) return data;
  const first = data.slice(0, 8);
  if (!areWhole) return { count: data.length, first };
  return { count: data.length, first, sha256: sha256(`[${data.join(', ')}]`) };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
