import type { WireReader } from '../wire/reader.js';
import { tagOf, WireType } from '../wire/wire-type.js';
import type { DecodeContext, ExternalPlace } from './decode-context.js';
import { FIELDS } from './fields.js';
import type { OnnxProperty } from './model.js';
import { OnnxError } from './onnx-error.js';

/** A path may be long, a number may not. */
const VALUE_BYTES_MAX = 1 << 16;

/** One entry of `TensorProto.external_data`. */
export type ExternalEntry = OnnxProperty;

/** Decodes one `StringStringEntryProto` of `external_data`. */
export function decodeExternalEntry(reader: WireReader, context: DecodeContext): ExternalEntry {
  let key = '';
  let value = '';
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === tagOf(FIELDS.property.key, WireType.bytes)) key = context.name(reader);
    else if (tag === tagOf(FIELDS.property.value, WireType.bytes))
      value = context.text(reader, VALUE_BYTES_MAX);
    else reader.skip(tag);
  }
  return { key, value };
}

/**
 * Where the entries of tensor `name` say that its `expected` bytes are (null: not known from its type).
 * Entries beside location, offset and length describe that file and nothing else (checksum, packed forms).
 */
export function externalPlaceOf(
  entries: readonly ExternalEntry[],
  name: string,
  expected: number | null,
): ExternalPlace {
  const entryOf = (key: string): string | null =>
    entries.findLast((entry) => entry.key === key)?.value ?? null;
  const countOf = (key: string): number | null => {
    const value = entryOf(key);
    if (value === null) return null;
    const count = Number(value);
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(count)) {
      throw new OnnxError(`the external data of tensor '${name}' has the ${key} '${value.slice(0, 100)}'`);
    }
    return count;
  };
  const location = entryOf('location');
  if (location === null || location === '') {
    throw new OnnxError(`the external data of tensor '${name}' names no file`);
  }
  const offset = countOf('offset') ?? 0;
  const length = countOf('length');
  const bytes = length ?? expected;
  if (bytes === null) throw new OnnxError(`the external data of tensor '${name}' has no length`);
  if (expected !== null && bytes !== expected) {
    throw new OnnxError(`the external data of tensor '${name}' has ${bytes} bytes, not ${expected}`);
  }
  return { location, offset, bytes };
}
