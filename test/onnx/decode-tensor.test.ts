import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { DataType } from '#naiad/onnx/data-type.js';
import { decodeModel } from '#naiad/onnx/decode-model.js';
import type { OnnxTensor } from '#naiad/onnx/model.js';
import { OnnxError } from '#naiad/onnx/onnx-error.js';

// Field numbers of TensorProto.
const FLOATS = 4;
const INT32S = 5;
const STRINGS = 6;
const INT64S = 7;
const RAW = 9;
const DOUBLES = 10;
const UINT64S = 11;

type Write = (writer: protobuf.Writer) => protobuf.Writer;
type Kind = 'float' | 'double' | 'int32' | 'int64' | 'uint64';

const WIRE_TYPES: Readonly<Record<Kind, number>> = { float: 5, double: 1, int32: 0, int64: 0, uint64: 0 };

function packed(field: number, kind: Kind, values: readonly number[]): Write {
  return (writer) => {
    writer.uint32(field * 8 + 2).fork();
    for (const value of values) writer[kind](value);
    return writer.ldelim();
  };
}

function unpacked(field: number, kind: Kind, values: readonly number[]): Write {
  return (writer) => {
    for (const value of values) writer.uint32(field * 8 + WIRE_TYPES[kind])[kind](value);
    return writer;
  };
}

const raw =
  (data: Uint8Array, field = RAW): Write =>
  (writer) =>
    writer.uint32(field * 8 + 2).bytes(data);

/** The one initializer of a model whose TensorProto has these fields. */
function decoded(dataType: number, dims: readonly number[], ...fields: readonly Write[]): OnnxTensor {
  const tensor = protobuf.Writer.create();
  packed(1, 'int64', dims)(tensor);
  tensor.uint32(2 * 8).int32(dataType);
  tensor.uint32(8 * 8 + 2).string('w');
  for (const write of fields) write(tensor);
  const graph = protobuf.Writer.create()
    .uint32(5 * 8 + 2)
    .bytes(tensor.finish());
  const model = protobuf.Writer.create()
    .uint32(8)
    .int32(8)
    .uint32(7 * 8 + 2)
    .bytes(graph.finish());
  const [initializer] = decodeModel(model.finish()).graph.initializers;
  if (initializer === undefined) throw new Error('the model has lost its initializer');
  return initializer;
}

const bytesOf = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

describe('the elements of a tensor', () => {
  it.each([
    ['floats', DataType.float, FLOATS, 'float', [1.5, -2, 0], Float32Array.of(1.5, -2, 0)],
    ['doubles', DataType.double, DOUBLES, 'double', [0.1, -2, 3], Float64Array.of(0.1, -2, 3)],
    ['int32', DataType.int32, INT32S, 'int32', [-1, 2 ** 31 - 1, 3], Int32Array.of(-1, 2 ** 31 - 1, 3)],
    ['int64', DataType.int64, INT64S, 'int64', [-1, 2 ** 40, 3], BigInt64Array.of(-1n, 2n ** 40n, 3n)],
    ['uint64', DataType.uint64, UINT64S, 'uint64', [1, 2 ** 50, 3], BigUint64Array.of(1n, 2n ** 50n, 3n)],
    ['uint32', DataType.uint32, UINT64S, 'uint64', [1, 2 ** 32 - 1, 3], Uint32Array.of(1, 2 ** 32 - 1, 3)],
    ['int8', DataType.int8, INT32S, 'int32', [-128, 127, -1], Int8Array.of(-128, 127, -1)],
    ['uint8', DataType.uint8, INT32S, 'int32', [0, 255, 7], Uint8Array.of(0, 255, 7)],
    ['int16', DataType.int16, INT32S, 'int32', [-300, 300, 0], Int16Array.of(-300, 300, 0)],
    ['uint16', DataType.uint16, INT32S, 'int32', [65_535, 300, 0], Uint16Array.of(65_535, 300, 0)],
    ['bool', DataType.bool, INT32S, 'int32', [1, 0, 1], Uint8Array.of(1, 0, 1)],
    ['float16', DataType.float16, INT32S, 'int32', [0x3c00, 0xfc00, 1], Uint16Array.of(0x3c00, 0xfc00, 1)],
    ['bfloat16', DataType.bfloat16, INT32S, 'int32', [0x3f80, 0xff80, 1], Uint16Array.of(0x3f80, 0xff80, 1)],
    ['float8', DataType.float8e5m2, INT32S, 'int32', [0x3c, 0xff, 1], Uint8Array.of(0x3c, 0xff, 1)],
  ] as const)('come out of the list for %s', (_what, dataType, field, kind, values, expected) => {
    const [first, ...others] = values;
    const data = bytesOf(expected);
    expect(decoded(dataType, [3], packed(field, kind, values)).data).toEqual(data);
    expect(decoded(dataType, [3], unpacked(field, kind, values)).data).toEqual(data);
    expect(decoded(dataType, [3], unpacked(field, kind, [first]), packed(field, kind, others)).data).toEqual(
      data,
    );
    expect(decoded(dataType, [3], packed(field, kind, [first]), packed(field, kind, others)).data).toEqual(
      data,
    );
    expect(decoded(dataType, [3], raw(data)).data).toEqual(data);
  });

  it('of less than a byte come packed', () => {
    const five = packed(INT32S, 'int32', [0x21, 0x43, 0x05]);
    expect(decoded(DataType.int4, [5], five).data).toEqual(Uint8Array.of(0x21, 0x43, 0x05));
    expect(decoded(DataType.uint2, [3, 3], five).data).toEqual(Uint8Array.of(0x21, 0x43, 0x05));
  });

  it('that are complex come in pairs', () => {
    const tensor = decoded(DataType.complex64, [2], packed(FLOATS, 'float', [1, 2, 3, 4]));
    expect(tensor.data).toEqual(bytesOf(Float32Array.of(1, 2, 3, 4)));
  });

  it('that are strings stay bytes', () => {
    const tensor = decoded(
      DataType.string,
      [2],
      raw(Buffer.from('a'), STRINGS),
      raw(Uint8Array.of(0, 255), STRINGS),
    );
    expect(tensor.strings).toEqual([Uint8Array.of(97), Uint8Array.of(0, 255)]);
    expect(tensor.data).toHaveLength(0);
  });

  it('are none where a dimension is 0, and one in a scalar', () => {
    expect(decoded(DataType.float, [4, 0]).data).toHaveLength(0);
    expect(decoded(DataType.float, [], packed(FLOATS, 'float', [7])).dims).toEqual([]);
  });

  it('may be of a type that nobody knows yet', () => {
    expect(decoded(99, [3], raw(Uint8Array.of(1, 2))).data).toEqual(Uint8Array.of(1, 2));
  });

  it.each([
    ["tensor 'w' (float [3]) has 4 bytes, not 12", DataType.float, [3], [packed(FLOATS, 'float', [1])]],
    ["tensor 'w' (float []) has 0 bytes, not 4", DataType.float, [], []],
    ["tensor 'w' (int8 [2]) has 1 bytes, not 2", DataType.int8, [2], [raw(Uint8Array.of(1))]],
    ["tensor 'w' (string [3]) has 1 strings", DataType.string, [3], [raw(Uint8Array.of(1), STRINGS)]],
    [
      "tensor 'w' (string [1]) has numbers among its strings",
      DataType.string,
      [1],
      [raw(Uint8Array.of(1), STRINGS), raw(Uint8Array.of(1))],
    ],
    [
      "tensor 'w' (int8 [1]) has strings among its numbers",
      DataType.int8,
      [1],
      [raw(Uint8Array.of(1), STRINGS)],
    ],
    [
      "tensor 'w' (int64 [1]) has its elements in the list for int32",
      DataType.int64,
      [1],
      [packed(INT32S, 'int32', [1])],
    ],
    [
      "tensor 'w' (int64 [1]) has elements of two kinds",
      DataType.int64,
      [1],
      [packed(INT64S, 'int64', [1]), packed(INT32S, 'int32', [1])],
    ],
    [
      "tensor 'w' (int8 [1]) has elements in two places",
      DataType.int8,
      [1],
      [packed(INT32S, 'int32', [1]), raw(Uint8Array.of(1))],
    ],
    ["tensor 'w' (undefined [1]) has elements of no type", DataType.undefined, [1], [raw(Uint8Array.of(1))]],
    [
      "tensor 'w' (float [9007199254740991, 4]) is larger than any file",
      DataType.float,
      [2 ** 53 - 1, 4],
      [],
    ],
    ['a tensor has the dimension -1', DataType.float, [-1], []],
  ])('must be right: %s', (message, dataType, dims, fields) => {
    expect(() => decoded(dataType, dims, ...fields)).toThrow(new OnnxError(message));
  });
});
