import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ElementProblem, type JsonDatatype, toElements } from '#naiad/http/infer/json/elements.js';
import { JsonReader } from '#naiad/http/infer/json/reader.js';
import { formatDouble, writeElements } from '#naiad/http/infer/json/write-elements.js';
import { joinBytes, splitBytes } from '#naiad/tensor/bytes.js';
import { BYTE_SIZES } from '#naiad/tensor/datatype.js';

function convert(datatype: JsonDatatype, text: string | Buffer): Buffer | ElementProblem {
  const bytes = Buffer.from(text);
  return toElements(bytes, new JsonReader(bytes).pass(), datatype);
}

function write(datatype: JsonDatatype, data: Uint8Array): string {
  return `[${writeElements(datatype, data)?.toString() ?? 'null'}]`;
}

const INTEGERS = {
  UINT8: [0n, 2n ** 8n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
} as const;
type IntegerType = keyof typeof INTEGERS;

/** Little-endian, as everything else writes them. */
function packed(datatype: IntegerType, values: readonly bigint[]): Buffer {
  const width = BYTE_SIZES[datatype];
  const out = Buffer.alloc(width * values.length);
  values.forEach((value, index) => {
    const bits = BigInt.asUintN(8 * width, value);
    for (let byte = 0; byte < width; byte++) {
      out[index * width + byte] = Number((bits >> BigInt(8 * byte)) & 0xffn);
    }
  });
  return out;
}

describe.each(Object.entries(INTEGERS) as [IntegerType, readonly [bigint, bigint]][])(
  '%s',
  (datatype, [min, max]) => {
    const values = fc.array(
      fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, min + 1n, max - 1n)),
      { maxLength: 30 },
    );

    it('is exact in both directions', () => {
      fc.assert(
        fc.property(values, (integers) => {
          const data = packed(datatype, integers);
          const text = `[${integers.join(',')}]`;
          expect(convert(datatype, text)).toEqual(data);
          expect(write(datatype, data)).toBe(text);
        }),
      );
    });

    it('holds nothing outside its range', () => {
      const kind = datatype.startsWith('INT') ? 'signed-integer' : 'unsigned-integer';
      const misfit = (value: bigint): ElementProblem => {
        const isLong = BYTE_SIZES[datatype] === 8;
        return isLong || (value < 0n && min === 0n) ? kind : { index: 1, text: `${value}` };
      };
      for (const value of [min - 1n, max + 1n, max * 1000n, -max * 1000n, 10n ** 30n]) {
        expect(convert(datatype, `[1,${value}]`), `${value}`).toEqual(misfit(value));
      }
    });

    it.each(['1.0', '1e2', '"1"', 'true', 'null', '{}', 'NaN', '{"a":[1]}'])('does not take %s', (text) => {
      const kind = datatype.startsWith('INT') ? 'signed-integer' : 'unsigned-integer';
      expect(convert(datatype, `[1,${text}]`)).toBe(kind);
    });

    it('takes nested arrays as they come', () => {
      expect(convert(datatype, '[ [1,\n[2]] , [], 3,\t[[4,-0]]]')).toEqual(
        packed(datatype, [1n, 2n, 3n, 4n, 0n]),
      );
    });
  },
);

/** Texts of numbers as people and programs write them. */
const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.bigInt({ min: 0n, max: 10n ** 25n }))
    .map((p) => p.join('.')),
  fc
    .tuple(fc.bigInt({ min: 1n, max: 10n ** 20n }), fc.integer({ min: -340, max: 280 }))
    .map(([digits, exponent]) => `-${digits}E${exponent}`),
);

/** A double between two floats, and its neighbours: where rounding is decided by the last digit. */
const betweenFloats = fc
  .tuple(fc.float({ noNaN: true, min: 2 ** -120, max: 2 ** 100 }), fc.integer({ min: -2, max: 2 }))
  .map(([float, steps]) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, float);
    view.setBigUint64(0, view.getBigUint64(0) + 0x10000000n + BigInt(steps));
    return String(view.getFloat64(0));
  });

describe('floats', () => {
  it('FP64 is the double nearest to the text', () => {
    fc.assert(
      fc.property(fc.array(numberText), (texts) => {
        const data = convert('FP64', `[${texts.join(',')}]`) as Buffer;
        expect([...new Float64Array(data.buffer)]).toEqual(texts.map(Number));
      }),
    );
  });

  it('FP32 is the float nearest to that', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(numberText, betweenFloats)), (texts) => {
        const data = convert('FP32', `[${texts.join(',')}]`) as Buffer;
        expect([...new Float32Array(data.buffer)]).toEqual(texts.map((text) => Math.fround(Number(text))));
      }),
      { numRuns: 300 },
    );
  });

  it.each(['FP32', 'FP64'] as const)('%s reads back bit by bit', (datatype) => {
    const width = BYTE_SIZES[datatype];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 * width }), (bytes) => {
        const given = bytes.slice(0, bytes.length - (bytes.length % width));
        const data = convert(datatype, write(datatype, given)) as Buffer;
        const view = (of: Uint8Array): number[] =>
          Array.from({ length: of.length / width }, (_, index) => {
            const part = new DataView(of.buffer, of.byteOffset + index * width);
            return datatype === 'FP32' ? part.getFloat32(0, true) : part.getFloat64(0, true);
          });
        // The bits of NaN are not written.
        expect(view(data)).toEqual(view(given));
      }),
    );
  });

  it.each(['NaN', 'Infinity', '-Infinity', '-0.0'])('%s is written as it is read', (text) => {
    for (const datatype of ['FP32', 'FP64'] as const) {
      expect(write(datatype, convert(datatype, `[${text}]`) as Buffer)).toBe(`[${text}]`);
    }
  });

  it.each(['"NaN"', 'null', 'true', '{}'])('does not take %s', (text) => {
    expect(convert('FP32', `[${text}]`)).toBe('double');
  });

  it.each([
    [1, '1.0'],
    [-0, '-0.0'],
    [0.1, '0.1'],
    [Math.fround(0.1), '0.10000000149011612'],
    [123_456_790_528, '123456790528.0'],
    [1e20, '100000000000000000000.0'],
    [1e21, '1e21'],
    [Math.fround(1e30), '1.0000000150474662e30'],
    [1e-7, '1e-7'],
    [5e-324, '5e-324'],
  ])('writes %d as Triton does', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });
});

describe('BOOL', () => {
  it('is true and false only', () => {
    expect(convert('BOOL', '[true,[false]]')).toEqual(Buffer.from([1, 0]));
    expect(write('BOOL', Buffer.from([1, 0, 2]))).toBe('[true,false,true]');
    for (const text of ['1', '"true"', 'null']) expect(convert('BOOL', `[${text}]`)).toBe('boolean');
  });
});

describe('BYTES', () => {
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 80 }));

  it('are texts of any characters', () => {
    fc.assert(
      fc.property(texts, (strings) => {
        const data = joinBytes(strings.map((text) => Buffer.from(text)));
        const escaped = JSON.stringify(strings).replace(
          /[^ -~]/g,
          (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
        expect(convert('BYTES', JSON.stringify(strings))).toEqual(Buffer.from(data));
        expect(convert('BYTES', escaped)).toEqual(Buffer.from(data));
        expect(JSON.parse(write('BYTES', data))).toEqual(strings);
      }),
    );
  });

  it('keep bytes that are no UTF-8 on the way in, and are not written on the way out', () => {
    const bytes = Buffer.from([0xff, 0xfe]);
    const data = convert('BYTES', Buffer.concat([Buffer.from('["'), bytes, Buffer.from('"]')])) as Buffer;
    expect(splitBytes(data)).toEqual([bytes]);
    expect(writeElements('BYTES', data)).toBe(null);
  });

  it.each(['1', 'null', 'true', '{}'])('does not take %s', (text) => {
    expect(convert('BYTES', `["a",${text}]`)).toBe('string');
  });
});

it('writes more elements than go into one string', () => {
  const count = 20_001;
  const data = Buffer.from(Int32Array.from({ length: count }, (_, index) => index - 7).buffer);
  expect(JSON.parse(write('INT32', data))).toEqual(Array.from({ length: count }, (_, index) => index - 7));
});
