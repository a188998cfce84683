import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Step {
  readonly grpc?: string;
  readonly request?: JsonObject;
  readonly ignore?: boolean;
  readonly norm?: { readonly sort_io?: boolean; readonly only?: readonly string[] };
}

export interface Answer {
  readonly status: string;
  readonly message?: string;
  readonly response?: JsonObject;
}

export interface Case {
  readonly id: string;
  readonly category: string;
  readonly group: string;
  readonly steps: readonly Step[];
  readonly answers: readonly Answer[];
}

export function readCases(file: string): Case[] {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] };
  return cases;
}

/** An answer of ours in the form of the recording: tensors decoded, long ones as a hash. */
export function toRecordedInfer(response: JsonObject): JsonObject {
  const raw = response.raw_output_contents as unknown as Uint8Array[];
  const outputs = (response.outputs as JsonObject[]).map((output, index): JsonObject => {
    const { parameters, contents: _, ...rest } = output;
    const recorded: JsonObject = {
      ...rest,
      shape: (output.shape as Json[]).map(Number),
      data: shorten(decode(String(output.datatype), raw[index] ?? new Uint8Array())),
    };
    return isEmpty(parameters) ? recorded : { ...recorded, parameters: parameters as Json };
  });
  const { parameters, raw_output_contents: _, ...rest } = response;
  const recorded: JsonObject = { ...rest, outputs, raw_output_contents: raw.length };
  return isEmpty(parameters) ? recorded : { ...recorded, parameters: parameters as Json };
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

/** More than 40 elements are recorded as count, first ones and hash; the hash is of Python's JSON. */
function shorten(data: Json[]): Json {
  return data.length > 40 ? { count: data.length } : data;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** Whether two answers agree: numbers within 1e-4, hashed tensors by their count. */
export function agrees(expected: Json | undefined, got: Json | undefined): boolean {
  if (typeof expected === 'number' && typeof got === 'number') {
    return expected === got || Math.abs(expected - got) <= 1e-4 * Math.max(Math.abs(expected), Math.abs(got));
  }
  if (Array.isArray(expected) && Array.isArray(got)) {
    return expected.length === got.length && expected.every((value, i) => agrees(value, got[i]));
  }
  if (isObject(expected) && isObject(got)) {
    if ('count' in expected && 'sha256' in expected && 'count' in got) return expected.count === got.count;
    const keys = new Set([...Object.keys(expected), ...Object.keys(got)]);
    return [...keys].every((key) => agrees(expected[key], got[key]));
  }
  return expected === got;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Turns base64 of proto3 JSON into bytes where the message has bytes. */
export function toRequest(method: string, request: JsonObject): JsonObject {
  if (method !== 'ModelInfer') return request;
  const bytes = (text: Json): Json => Buffer.from(String(text), 'base64') as unknown as Json;
  const copy = structuredClone(request);
  if (copy.raw_input_contents) copy.raw_input_contents = (copy.raw_input_contents as Json[]).map(bytes);
  for (const input of (copy.inputs ?? []) as JsonObject[]) {
    const contents = input.contents as JsonObject | undefined;
    if (contents?.bytes_contents) contents.bytes_contents = (contents.bytes_contents as Json[]).map(bytes);
  }
  return copy;
}
