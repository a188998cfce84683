import { quote, suggestionOr } from './quote.js';
import { enumOf, type MessageField, typeNameOf } from './schema.js';

export type ScalarResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: () => string };

/** 64-bit fields hold microseconds, counts and sizes: numbers beyond this are mistakes. */
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const INTEGER_RANGES: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-SAFE, SAFE],
  uint64: [0n, SAFE],
};

/** Reads one value of a scalar or enum field; `undefined` gives proto3's default. */
export function readScalar(field: MessageField, value: unknown): ScalarResult {
  const values = enumOf(field);
  if (values !== null) return readEnum(typeNameOf(field), values, value);
  const range = INTEGER_RANGES[field.type];
  if (range !== undefined) return readInteger(range, value);
  switch (field.type) {
    case 'string':
      return expecting(typeof value === 'string', value, '', 'a string in quotes');
    case 'bool':
      return expecting(typeof value === 'boolean', value, false, 'true or false');
    default:
      return readFloat(value);
  }
}

function readEnum(type: string, values: Readonly<Record<string, number>>, value: unknown): ScalarResult {
  const names = Object.keys(values);
  if (value === undefined) return { ok: true, value: names.find((name) => values[name] === 0) };
  // In any letter case, as Triton reads JSON.
  const name =
    typeof value === 'string'
      ? names.find((candidate) => candidate.toLowerCase() === value.toLowerCase())
      : names.find((candidate) => values[candidate] === value);
  if (name !== undefined) return { ok: true, value: name };
  return {
    ok: false,
    problem: () =>
      `unknown ${type} ${quote(value)}${suggestionOr(value, names, `known ones: ${names.join(', ')}`)}`,
  };
}

function readInteger([min, max]: readonly [bigint, bigint], value: unknown): ScalarResult {
  if (value === undefined) return { ok: true, value: 0 };
  const integer = toBigInt(value);
  if (integer !== null && integer >= min && integer <= max) return { ok: true, value: Number(integer) };
  return { ok: false, problem: () => `expected an integer from ${min} to ${max}, got ${quote(value)}` };
}

function toBigInt(value: unknown): bigint | null {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : null;
}

/** Digits match in one way only: in two, a text of a megabyte that is no number would take hours. */
const FLOAT = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const FLOAT_NAMES = ['NaN', 'Infinity', '-Infinity'];

function readFloat(value: unknown): ScalarResult {
  if (typeof value === 'string' && (FLOAT.test(value) || FLOAT_NAMES.includes(value))) {
    return { ok: true, value: Number(value) };
  }
  return expecting(typeof value === 'number', value, 0, 'a number');
}

function expecting(fits: boolean, value: unknown, fallback: unknown, what: string): ScalarResult {
  if (value === undefined) return { ok: true, value: fallback };
  return fits ? { ok: true, value } : { ok: false, problem: () => `expected ${what}, got ${quote(value)}` };
}
