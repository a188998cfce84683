import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';

/** Up to these, inserting one by one is faster than counting digits; beyond, its cost grows with both. */
const INSERTED_COUNT_MAX = 16;
const INSERTED_CLASSES_MAX = 64;

const SIGN = 0x8000_0000;
const INFINITE_FP32 = 0x7f80_0000;
const INFINITE_FP64_HIGH = 0x7ff0_0000;

/**
 * Elements of a tensor as unsigned numbers, of which the smaller one ranks higher: equal for equal
 * values, the largest for NaN. Where 32 bits are enough `low` is `high`.
 */
export interface RankKeys {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
}

const KINDS: Partial<Record<Datatype, 'unsigned' | 'signed' | 'float'>> = {
  UINT8: 'unsigned',
  UINT16: 'unsigned',
  UINT32: 'unsigned',
  UINT64: 'unsigned',
  INT8: 'signed',
  INT16: 'signed',
  INT32: 'signed',
  INT64: 'signed',
  FP32: 'float',
  FP64: 'float',
};

/** The keys of `data`, null for datatypes without an order. */
export function rankKeys(datatype: Datatype, data: Uint8Array): RankKeys | null {
  const kind = KINDS[datatype];
  if (kind === undefined) return null;
  const size = BYTE_SIZES[datatype];
  const units = unitsOf(data, size);
  if (size === 8) return kind === 'float' ? doubleKeys(units) : wideKeys(units, kind === 'signed' ? SIGN : 0);
  const sign = kind === 'signed' ? 2 ** (size * 8 - 1) : 0;
  const high = new Uint32Array(units.length);
  for (let i = 0; i < high.length; i++) {
    const bits = units[i] as number;
    high[i] = kind === 'float' ? floatKey(bits) : ~(bits ^ sign);
  }
  return { high, low: high };
}

/** The elements' bits; elements of 8 bytes as two units, the lower half first. */
function unitsOf(data: Uint8Array, size: number): Uint8Array | Uint16Array | Uint32Array {
  if (size === 1) return data;
  const { buffer, byteOffset } = data.byteOffset % 4 === 0 ? data : new Uint8Array(data);
  return size === 2
    ? new Uint16Array(buffer, byteOffset, data.length >> 1)
    : new Uint32Array(buffer, byteOffset, data.length >> 2);
}

function wideKeys(units: ArrayLike<number>, sign: number): RankKeys {
  const keys = newKeys(units.length >> 1);
  for (let i = 0; i < keys.high.length; i++) {
    keys.low[i] = ~(units[2 * i] as number);
    keys.high[i] = ~((units[2 * i + 1] as number) ^ sign);
  }
  return keys;
}

/** Floats with their sign turned are in ascending order, negative ones with all bits turned; zeros are equal. */
function floatKey(bits: number): number {
  const magnitude = bits & ~SIGN;
  if (magnitude > INFINITE_FP32) return -1;
  return bits === magnitude || magnitude === 0 ? ~(magnitude | SIGN) : bits;
}

function doubleKeys(units: ArrayLike<number>): RankKeys {
  const keys = newKeys(units.length >> 1);
  for (let i = 0; i < keys.high.length; i++) {
    const low = units[2 * i] as number;
    const high = units[2 * i + 1] as number;
    const magnitude = high & ~SIGN;
    const isNan = magnitude > INFINITE_FP64_HIGH || (magnitude === INFINITE_FP64_HIGH && low !== 0);
    const isPositive = high === magnitude || (magnitude === 0 && low === 0);
    keys.low[i] = isNan ? -1 : isPositive ? ~low : low;
    keys.high[i] = isNan ? -1 : isPositive ? ~(magnitude | SIGN) : high;
  }
  return keys;
}

function newKeys(length: number): RankKeys {
  return { high: new Uint32Array(length), low: new Uint32Array(length) };
}

/**
 * Fills `ranked` with the indices, counted from `start`, of the highest of the `classes` elements there,
 * which are at least as many: highest first, equal ones in their order.
 */
export function rank(keys: RankKeys, start: number, classes: number, ranked: Uint32Array): void {
  if (ranked.length <= INSERTED_COUNT_MAX || classes <= INSERTED_CLASSES_MAX) {
    insert(keys, start, classes, ranked);
  } else {
    ranked.set(sort(keys, start, classes).subarray(0, ranked.length));
  }
}

function insert({ high, low }: RankKeys, start: number, classes: number, ranked: Uint32Array): void {
  let filled = 0;
  for (let index = 0; index < classes; index++) {
    const ownHigh = high[start + index] as number;
    const ownLow = low[start + index] as number;
    let at = filled;
    while (at > 0) {
      const other = start + (ranked[at - 1] as number);
      const otherHigh = high[other] as number;
      if (otherHigh < ownHigh || (otherHigh === ownHigh && (low[other] as number) <= ownLow)) break;
      // The lowest one of a full ranking falls out.
      if (at < ranked.length) ranked[at] = ranked[at - 1] as number;
      at--;
    }
    if (at < ranked.length) ranked[at] = index;
    if (filled < ranked.length) filled++;
  }
}

/** Indices sorted by key, least significant byte first; stable. */
function sort({ high, low }: RankKeys, start: number, classes: number): Uint32Array {
  let order = new Uint32Array(classes);
  let nextOrder = new Uint32Array(classes);
  let digits = new Uint32Array(classes);
  let nextDigits = new Uint32Array(classes);
  for (let index = 0; index < classes; index++) order[index] = index;
  const places = new Uint32Array(256);
  for (const words of high === low ? [high] : [low, high]) {
    // They move along: looking them up by index in each pass would miss the cache for every element.
    for (let at = 0; at < classes; at++) digits[at] = words[start + (order[at] as number)] as number;
    for (let shift = 0; shift < 32; shift += 8) {
      if (!countPlaces(digits, shift, places)) continue;
      for (let at = 0; at < classes; at++) {
        const word = digits[at] as number;
        const digit = (word >>> shift) & 0xff;
        const place = places[digit] as number;
        nextOrder[place] = order[at] as number;
        nextDigits[place] = word;
        places[digit] = place + 1;
      }
      [order, nextOrder] = [nextOrder, order];
      [digits, nextDigits] = [nextDigits, digits];
    }
  }
  return order;
}

/** Where the words with each value of a byte begin; false when all have the same. */
function countPlaces(words: Uint32Array, shift: number, places: Uint32Array): boolean {
  places.fill(0);
  for (let at = 0; at < words.length; at++) {
    const digit = ((words[at] as number) >>> shift) & 0xff;
    places[digit] = (places[digit] as number) + 1;
  }
  let place = 0;
  for (let digit = 0; digit < places.length; digit++) {
    const count = places[digit] as number;
    if (count === words.length) return false;
    places[digit] = place;
    place += count;
  }
  return true;
}
