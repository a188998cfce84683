import { describe, expect, it } from 'vitest';
import { randomBytesMax, randomData, repeatRow, zeroBytes } from '#naiad/lifecycle/warm-up-data.js';
import { splitBytes } from '#naiad/tensor/bytes.js';
import { BYTE_SIZES, DATATYPES } from '#naiad/tensor/datatype.js';

const ELEMENTS = 1001;

/** All values of a tensor as numbers. */
async function values(datatype: string, read: (view: DataView, offset: number) => number): Promise<number[]> {
  const type = datatype as (typeof DATATYPES)[number];
  const data = await randomData(type, ELEMENTS, 'seed');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: ELEMENTS }, (_, index) => read(view, index * BYTE_SIZES[type]));
}

describe('random data', () => {
  it.each(DATATYPES)('of %s have their size and follow from their seed', async (datatype) => {
    const data = await randomData(datatype, ELEMENTS, 'seed');
    if (datatype !== 'BYTES') expect(data.length).toBe(zeroBytes(datatype, ELEMENTS));
    expect(data.length).toBeLessThanOrEqual(randomBytesMax(datatype, ELEMENTS));
    expect(await randomData(datatype, ELEMENTS, 'seed')).toEqual(data);
    expect(await randomData(datatype, ELEMENTS, 'other')).not.toEqual(data);
    expect(await randomData(datatype, 0, 'seed')).toHaveLength(0);
  });

  it.each<[string, (view: DataView, offset: number) => number]>([
    ['FP32', (view, offset) => view.getFloat32(offset, true)],
    ['FP64', (view, offset) => view.getFloat64(offset, true)],
    ['FP16', (view, offset) => halfOf(view.getUint16(offset, true))],
    ['BF16', (view, offset) => brainOf(view.getUint16(offset, true))],
  ])('of %s are numbers from a half to one', async (datatype, read) => {
    const numbers = await values(datatype, read);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(new Set(numbers).size).toBeGreaterThan(50);
  });

  it.each<[string, (view: DataView, offset: number) => number]>([
    ['BOOL', (view, offset) => view.getUint8(offset)],
    ['INT16', (view, offset) => view.getInt16(offset, true)],
    ['UINT16', (view, offset) => view.getUint16(offset, true)],
    ['INT32', (view, offset) => view.getInt32(offset, true)],
    ['UINT32', (view, offset) => view.getUint32(offset, true)],
    ['INT64', (view, offset) => Number(view.getBigInt64(offset, true))],
    ['UINT64', (view, offset) => Number(view.getBigUint64(offset, true))],
  ])('of %s are zeros and ones', async (datatype, read) => {
    const numbers = await values(datatype, read);
    expect(new Set(numbers)).toEqual(new Set([0, 1]));
    const ones = numbers.filter((number) => number === 1).length;
    expect(Math.abs(ones - ELEMENTS / 2)).toBeLessThan(ELEMENTS / 10);
  });

  it.each(['INT8', 'UINT8'])('of %s are any byte', async (datatype) => {
    expect(new Set(await values(datatype, (view, offset) => view.getUint8(offset))).size).toBeGreaterThan(
      200,
    );
  });

  it('of BYTES are short texts', async () => {
    const elements = splitBytes(await randomData('BYTES', ELEMENTS, 'seed'));
    expect(elements).toHaveLength(ELEMENTS);
    expect(new Set(elements.map(({ length }) => length)).size).toBe(17);
    expect(elements.map((element) => Buffer.from(element).toString()).join('')).toMatch(/^[a-zA-Z0-9]+$/);
  });

  it('are made in pieces that let other work in', async () => {
    const turns: string[] = [];
    const data = randomData('FP32', 1 << 20, 'seed').then(() => turns.push('data'));
    setImmediate(() => turns.push('turn'));
    await data;
    expect(turns).toEqual(['turn', 'data']);
  });
});

describe('rows', () => {
  it.each([
    [0, 5],
    [3, 1],
    [3, 5],
    [(1 << 20) + 1, 3],
    [1 << 20, 2],
    [700_001, 4],
  ])('of %i bytes are repeated %i times', async (bytes, rows) => {
    const row = Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 8)) & 255);
    const data = await repeatRow(row, rows);
    expect(data.length).toBe(bytes * rows);
    expect(data.buffer.byteLength).toBe(data.length);
    for (let index = 0; index < rows; index++) {
      expect(Buffer.compare(data.subarray(index * bytes, (index + 1) * bytes), row)).toBe(0);
    }
  });
});

function halfOf(bits: number): number {
  return 2 ** (((bits >> 10) & 31) - 15) * (1 + (bits & 1023) / 1024) * (bits >> 15 ? -1 : 1);
}

function brainOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] as number;
}
