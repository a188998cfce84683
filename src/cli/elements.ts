import { joinBytes, splitBytes } from '../tensor/bytes.js';
import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';
import { fromBrain, fromHalf, toBrain } from '../tensor/half.js';
import { toHalf } from '../worker/decode/float16.js';
import { CommandError } from './exit-codes.js';

/** How elements of a datatype are read and written; offsets in bytes. */
interface ElementCodec {
  read(view: DataView, offset: number): unknown;
  write(view: DataView, offset: number, value: unknown): void;
}

type Numeric = Exclude<Datatype, 'BYTES'>;

const CODECS: Readonly<Record<Numeric, ElementCodec>> = {
  BOOL: {
    read: (view, offset) => view.getUint8(offset) !== 0,
    write: (view, offset, value) => view.setUint8(offset, value === true || value === 1 ? 1 : 0),
  },
  UINT8: integer(0, 255, 'Uint8'),
  UINT16: integer(0, 65_535, 'Uint16'),
  UINT32: integer(0, 2 ** 32 - 1, 'Uint32'),
  UINT64: bigInteger(0n, 2n ** 64n - 1n, 'BigUint64'),
  INT8: integer(-128, 127, 'Int8'),
  INT16: integer(-32_768, 32_767, 'Int16'),
  INT32: integer(-(2 ** 31), 2 ** 31 - 1, 'Int32'),
  INT64: bigInteger(-(2n ** 63n), 2n ** 63n - 1n, 'BigInt64'),
  FP16: {
    read: (view, offset) => fromHalf(view.getUint16(offset, true)),
    write: (view, offset, value) => view.setUint16(offset, toHalf(numberOf(value)), true),
  },
  BF16: {
    read: (view, offset) => fromBrain(view.getUint16(offset, true)),
    write: (view, offset, value) => view.setUint16(offset, toBrain(numberOf(value)), true),
  },
  FP32: {
    // The shortest decimal that is the same FP32: 0.1 rather than 0.10000000149011612.
    read: (view, offset) => shortest(view.getFloat32(offset, true)),
    write: (view, offset, value) => view.setFloat32(offset, numberOf(value), true),
  },
  FP64: {
    read: (view, offset) => view.getFloat64(offset, true),
    write: (view, offset, value) => view.setFloat64(offset, numberOf(value), true),
  },
};

/**
 * Writes JSON values as the elements of a tensor. Numbers may be texts (`"NaN"`, 64-bit integers), BYTES
 * are texts or `{"b64": "..."}`. Throws {@link CommandError} for a value that the datatype can't hold.
 */
export function toElements(datatype: Datatype, values: readonly unknown[]): Uint8Array {
  if (datatype === 'BYTES') return joinBytes(values.map(bytesOf));
  const size = BYTE_SIZES[datatype];
  const data = new Uint8Array(values.length * size);
  const view = new DataView(data.buffer);
  const codec = CODECS[datatype];
  values.forEach((value, index) => {
    if (!isElement(datatype, value)) {
      throw new CommandError(`${JSON.stringify(value)} (element ${index}) is no ${datatype}`);
    }
    codec.write(view, index * size, value);
  });
  return data;
}

/**
 * The elements of a tensor as JSON can hold them: 64-bit integers beyond 2^53 and NaN, Infinity as text,
 * BYTES as text or, when they are not UTF-8, as `{"b64": "..."}`.
 */
export function fromElements(datatype: Datatype, data: Uint8Array): unknown[] {
  if (datatype === 'BYTES') return splitBytes(data).map(jsonOfBytes);
  const size = BYTE_SIZES[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return Array.from({ length: Math.floor(data.length / size) }, (_, index) => {
    const value = CODECS[datatype].read(view, index * size);
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}

type IntegerKind = 'Uint8' | 'Uint16' | 'Uint32' | 'Int8' | 'Int16' | 'Int32';

function integer(min: number, max: number, kind: IntegerKind): ElementCodec {
  return {
    read: (view, offset) => view[`get${kind}`](offset, true),
    write: (view, offset, value) => {
      const number = numberOf(value);
      if (!Number.isInteger(number) || number < min || number > max) {
        throw new CommandError(`${value} is no whole number from ${min} to ${max}`);
      }
      view[`set${kind}`](offset, number, true);
    },
  };
}

function bigInteger(min: bigint, max: bigint, kind: 'BigUint64' | 'BigInt64'): ElementCodec {
  return {
    read: (view, offset) => {
      const value = view[`get${kind}`](offset, true);
      return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
        ? Number(value)
        : String(value);
    },
    write: (view, offset, value) => {
      const text = String(value);
      const number = /^-?\d+$/.test(text) ? BigInt(text) : null;
      if (number === null || number < min || number > max) {
        throw new CommandError(`${text} is no whole number from ${min} to ${max}`);
      }
      view[`set${kind}`](offset, number, true);
    },
  };
}

const WORDS = /^(NaN|[+-]?Infinity|[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)$/i;

function isElement(datatype: Numeric, value: unknown): boolean {
  if (datatype === 'BOOL') return typeof value === 'boolean' || value === 0 || value === 1;
  return typeof value === 'number' || (typeof value === 'string' && WORDS.test(value));
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number(value);
}

function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (typeof value === 'object' && value !== null && 'b64' in value && typeof value.b64 === 'string') {
    return Buffer.from(value.b64, 'base64');
  }
  throw new CommandError(`${JSON.stringify(value)} is neither a text nor {"b64": "..."}`);
}

function jsonOfBytes(bytes: Uint8Array): unknown {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { b64: Buffer.from(bytes).toString('base64') };
  }
}
