import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInferRequest } from '#naiad/grpc/codec/infer-request.js';
import { encodeRequest } from '../../support/infer-protos.js';

/** One input with typed contents, decoded: its raw bytes, and where they lie. */
function decodeContents(datatype: string, contents: object): Buffer {
  const bytes = encodeRequest({
    model_name: 'm',
    inputs: [{ name: 'x', datatype, shape: [1], contents }],
  });
  const { inputs, problems } = decodeInferRequest(bytes);
  expect(problems.payload).toBeNull();
  const data = Buffer.from(inputs[0]?.data ?? []);
  expect(inputs[0]?.byteLength).toBe(data.length);
  return data;
}

function problemOf(datatype: string, contents: object): string | undefined {
  const bytes = encodeRequest({ model_name: 'm', inputs: [{ name: 'x', datatype, contents }] });
  return decodeInferRequest(bytes).problems.payload?.message;
}

const rawOf = (array: ArrayLike<number> & { readonly buffer: ArrayBufferLike }): Buffer =>
  Buffer.from(array.buffer);

const bigInts = (min: bigint, max: bigint) => fc.array(fc.bigInt({ min, max }), { minLength: 1 });

/** An input whose `contents` come in pieces, each a list of fields in hex. */
function inputOf(datatype: string, ...pieces: string[]): Buffer {
  const delimited = (number: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content]);
  const contents = pieces.map((piece) => delimited(5, Buffer.from(piece.replaceAll(' ', ''), 'hex')));
  return delimited(5, Buffer.concat([...contents, delimited(2, Buffer.from(datatype))]));
}

function rawOfPieces(datatype: string, ...pieces: string[]): string {
  const { inputs, problems } = decodeInferRequest(inputOf(datatype, ...pieces));
  expect(problems.payload).toBeNull();
  return Buffer.from(inputs[0]?.data ?? []).toString('hex');
}

describe('typed contents', () => {
  it('become what raw contents would be', () => {
    const int32s = fc.array(fc.integer(), { minLength: 1 });
    const uint32s = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1 });
    fc.assert(
      fc.property(int32s, uint32s, (ints, uints) => {
        expect(decodeContents('INT8', { int_contents: ints })).toEqual(rawOf(Int8Array.from(ints)));
        expect(decodeContents('INT16', { int_contents: ints })).toEqual(rawOf(Int16Array.from(ints)));
        expect(decodeContents('INT32', { int_contents: ints })).toEqual(rawOf(Int32Array.from(ints)));
        expect(decodeContents('UINT8', { uint_contents: uints })).toEqual(rawOf(Uint8Array.from(uints)));
        expect(decodeContents('UINT16', { uint_contents: uints })).toEqual(rawOf(Uint16Array.from(uints)));
        expect(decodeContents('UINT32', { uint_contents: uints })).toEqual(rawOf(Uint32Array.from(uints)));
      }),
    );
    fc.assert(
      fc.property(bigInts(-(2n ** 63n), 2n ** 63n - 1n), bigInts(0n, 2n ** 64n - 1n), (ints, uints) => {
        expect(decodeContents('INT64', { int64_contents: ints.map(String) })).toEqual(
          Buffer.from(BigInt64Array.from(ints).buffer),
        );
        expect(decodeContents('UINT64', { uint64_contents: uints.map(String) })).toEqual(
          Buffer.from(BigUint64Array.from(uints).buffer),
        );
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1 }),
        fc.float32Array({ minLength: 1, noNaN: true }),
        fc.float64Array({ minLength: 1, noNaN: true }),
        (bools, floats, doubles) => {
          expect(decodeContents('BOOL', { bool_contents: bools })).toEqual(Buffer.from(bools.map(Number)));
          expect(decodeContents('FP32', { fp32_contents: [...floats] })).toEqual(rawOf(floats));
          expect(decodeContents('FP64', { fp64_contents: [...doubles] })).toEqual(rawOf(doubles));
        },
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1 }), (elements) => {
        const expected = elements.flatMap((element) => {
          const length = Buffer.alloc(4);
          length.writeUInt32LE(element.length);
          return [length, element];
        });
        expect(decodeContents('BYTES', { bytes_contents: elements })).toEqual(Buffer.concat(expected));
      }),
    );
  });

  it('are a view where floats lie in one run', () => {
    const bytes = encodeRequest({
      inputs: [{ name: 'x', datatype: 'FP32', contents: { fp32_contents: [1, 2, 3] } }],
    });
    const { inputs, madeBytes } = decodeInferRequest(bytes);
    expect(inputs[0]?.data.buffer).toBe(bytes.buffer);
    expect(madeBytes).toBe(12);
  });

  it('are made raw when they are asked for, once', () => {
    const bytes = encodeRequest({
      inputs: [{ name: 'x', datatype: 'INT64', contents: { int64_contents: [5] } }],
    });
    const [input] = decodeInferRequest(bytes).inputs;
    expect(input?.byteLength).toBe(8);
    // The last byte is the element itself: what is written there now shows that nobody has read it yet.
    bytes[bytes.length - 1] = 7;
    expect(input?.data).toEqual(Buffer.from([7, 0, 0, 0, 0, 0, 0, 0]));
    expect(input?.data).toBe(input?.data);
  });

  it('may be packed, single, in several runs and in several pieces', () => {
    expect(rawOfPieces('INT16', '1002 10ff01', '12 03 010203', '1009')).toBe('0200ff000100020003000900');
    expect(rawOfPieces('FP32', '32 04 01020304', '32 08 0506070815161718')).toBe('010203040506070815161718');
    expect(rawOfPieces('FP32', '35 01020304', '32 04 05060708')).toBe('0102030405060708');
    expect(rawOfPieces('FP64', '39 0102030405060708')).toBe('0102030405060708');
    expect(rawOfPieces('BYTES', '42 01 61', '42 00 42 02 6263')).toBe(
      '01000000' + '61' + '00000000' + '02000000' + '6263',
    );
    expect(rawOfPieces('BOOL', '0800 0a 02 0105 08ffffffffffffffffff01')).toBe('00010101');
  });

  it('ignore what is not theirs', () => {
    // An unknown field, an empty run, and a known field in a form that it can't have.
    expect(rawOfPieces('INT32', '48 01', '12 00', '15 01020304', '10 07')).toBe('07000000');
    expect(rawOfPieces('FP32', '32 00', '32 04 01020304')).toBe('01020304');
  });

  it('may be there and empty', () => {
    expect(decodeContents('INT32', {})).toEqual(Buffer.alloc(0));
    expect(decodeContents('INT32', { int_contents: [] })).toEqual(Buffer.alloc(0));
  });

  const wrongType = (got: string, expected: string): string =>
    `unexpected explicit tensor data for input tensor 'x' for model 'm' of type '${got}', expected datatype '${expected}'`;
  it.each<[string, object, string]>([
    ['INT32', { fp32_contents: [1] }, wrongType('FP32', 'INT32')],
    ['INT32', { int64_contents: [1] }, wrongType('INT64', 'INT32')],
    ['INT32', { bytes_contents: [Buffer.from('a')] }, wrongType('BYTES', 'INT32')],
    ['INT32', { bool_contents: [true] }, wrongType('BOOL', 'INT32')],
    ['INT64', { int_contents: [1] }, wrongType('INT32', 'INT64')],
    ['INT8', { uint_contents: [1] }, wrongType('UINT32', 'INT8')],
    ['FP16', { fp32_contents: [1] }, wrongType('FP32', 'FP16')],
    ['FP32', { fp64_contents: [1] }, wrongType('FP64', 'FP32')],
    ['FOO', { int_contents: [1] }, wrongType('INT32', '<invalid>')],
    [
      'INT32',
      { int_contents: [1], fp32_contents: [1] },
      "unexpected explicit tensor data for input tensor 'x' for model 'm', binary data was already supplied.",
    ],
    ['FP32', { int_contents: [1], fp32_contents: [1] }, wrongType('INT32', 'FP32')],
  ])('of %s refuse %o', (datatype, contents, expected) => {
    expect(problemOf(datatype, contents)).toBe(expected);
  });
});
