import type { Parameters, ParameterValue } from '../../inference/request.js';
import type { RequestParameter } from '../../inference/request-options.js';
import { LIMITS } from '../../settings/limits.js';
import type { WireReader } from '../../wire/reader.js';
import { WireError } from '../../wire/wire-error.js';
import { tagOf, WireType } from '../../wire/wire-type.js';
import { delimitedSize, utf8Size, varint64Size, type WireWriter } from '../../wire/writer.js';

// map<string, InferParameter>
const KEY = tagOf(1, WireType.bytes);
const VALUE = tagOf(2, WireType.bytes);
// InferParameter, a oneof
const BOOL_PARAM = tagOf(1, WireType.varint);
const INT64_PARAM = tagOf(2, WireType.varint);
const STRING_PARAM = tagOf(3, WireType.bytes);
const DOUBLE_PARAM = tagOf(4, WireType.fixed64);
const UINT64_PARAM = tagOf(5, WireType.varint);

const INT64_MAX = 2n ** 63n - 1n;
const UNSET: RequestParameter = { kind: 'unset' };

/** Reads one entry of a `map<string, InferParameter>` field; of entries with the same key the last wins. */
export function readParameter(reader: WireReader, parameters: Map<string, RequestParameter>): void {
  const outerEnd = reader.enter();
  let key = '';
  let value = UNSET;
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === KEY) key = reader.string(LIMITS.nameBytesMax);
    else if (tag === VALUE) value = readValue(reader, value);
    else reader.skip(tag);
  }
  reader.leave(outerEnd);
  parameters.set(key, value);
  if (parameters.size > LIMITS.requestItemsMax) {
    throw new WireError(`more than ${LIMITS.requestItemsMax} parameters`);
  }
}

/** `previous` stays when the message sets nothing: sub-messages that come twice are merged. */
function readValue(reader: WireReader, previous: RequestParameter): RequestParameter {
  const outerEnd = reader.enter();
  let value = previous;
  while (!reader.atEnd) {
    const tag = reader.tag();
    switch (tag) {
      case BOOL_PARAM:
        value = { kind: 'bool', value: reader.bool() };
        break;
      case INT64_PARAM:
        value = { kind: 'int64', value: reader.int64() };
        break;
      case STRING_PARAM:
        value = { kind: 'string', value: reader.string(LIMITS.stringBytesMax) };
        break;
      case DOUBLE_PARAM:
        value = { kind: 'double', value: reader.double() };
        break;
      case UINT64_PARAM:
        value = { kind: 'uint64', value: reader.uint64() };
        break;
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outerEnd);
  return value;
}

/** Size of all entries as fields of a message, tags included. */
export function parametersSize(parameters: Parameters): number {
  let size = 0;
  for (const [key, value] of parameters) size += delimitedSize(entrySize(key, value));
  return size;
}

/** Writes all entries as fields with `tag`, which must be one byte. */
export function writeParameters(writer: WireWriter, tag: number, parameters: Parameters): void {
  for (const [key, value] of parameters) {
    writer.header(tag, entrySize(key, value));
    writer.string(KEY, key, utf8Size(key));
    writer.header(VALUE, valueSize(value));
    writeValue(writer, value);
  }
}

function entrySize(key: string, value: ParameterValue): number {
  return delimitedSize(utf8Size(key)) + delimitedSize(valueSize(value));
}

function valueSize(value: ParameterValue): number {
  switch (typeof value) {
    case 'boolean':
      return 2;
    case 'bigint':
      return 1 + varint64Size(value);
    case 'number':
      return 9;
    case 'string':
      return delimitedSize(utf8Size(value));
  }
}

function writeValue(writer: WireWriter, value: ParameterValue): void {
  switch (typeof value) {
    case 'boolean':
      writer.varint(BOOL_PARAM);
      writer.varint(value ? 1 : 0);
      break;
    case 'bigint':
      writer.varint(value > INT64_MAX ? UINT64_PARAM : INT64_PARAM);
      writer.varint64(value);
      break;
    case 'number':
      writer.varint(DOUBLE_PARAM);
      writer.double(value);
      break;
    case 'string':
      writer.string(STRING_PARAM, value, utf8Size(value));
      break;
  }
}
