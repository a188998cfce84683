import { Buffer } from 'node:buffer';
import { httpInferenceErrors, type JsonKind } from '../../errors/http-inference-errors.js';
import type { ServingError } from '../../errors/serving-error.js';
import { LIMITS } from '../../settings/limits.js';
import type { JsonValue } from './json/reader.js';

/** Members of an object by name. */
export type Members = ReadonlyMap<string, JsonValue>;

export const NO_MEMBERS: Members = new Map();

export function isMembers(value: JsonValue | undefined): value is Members {
  return value instanceof Map;
}

export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The members of an object; of anything else none, which is how Triton asks for what may be absent. */
export function membersOf(value: JsonValue | undefined): Members {
  return isMembers(value) ? value : NO_MEMBERS;
}

function mismatch(member: string, value: JsonValue | undefined, kind: JsonKind): ServingError {
  return value === undefined
    ? httpInferenceErrors.memberMissing(member)
    : httpInferenceErrors.memberKind(member, kind);
}

/** A member that is a text of bounded length. Throws INVALID_ARGUMENT. */
export function textOf(
  member: string,
  value: JsonValue | undefined,
  bytesMax: number = LIMITS.nameBytesMax,
): string {
  if (typeof value !== 'string') throw mismatch(member, value, 'string');
  if (Buffer.byteLength(value) > bytesMax) throw httpInferenceErrors.memberTooLong(member, bytesMax);
  return value;
}

export function booleanOf(member: string, value: JsonValue | undefined): boolean {
  if (typeof value !== 'boolean') throw mismatch(member, value, 'boolean');
  return value;
}

export function arrayOf(member: string, value: JsonValue | undefined): readonly JsonValue[] {
  if (!isArray(value)) throw mismatch(member, value, 'array');
  return value;
}

export function unsignedOf(member: string, value: JsonValue | undefined): bigint {
  if (!isUnsigned(value)) throw mismatch(member, value, 'unsigned-integer');
  return value;
}

export function isUnsigned(value: JsonValue | undefined): value is bigint {
  return typeof value === 'bigint' && value >= 0n;
}

/** The nearest number that a count can be; no count is as large as where they differ. */
export function toCount(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
