import type { Datatype } from '#naiad/tensor/datatype.js';

/** Element types of the v2 protocol, and some that only ONNX has. */
export type OnnxType = Datatype | 'FP8' | 'UINT4' | 'COMPLEX64';

/** Numbers of `TensorProto.DataType`. */
const TYPE_CODES: Readonly<Record<OnnxType, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  COMPLEX64: 14,
  BF16: 16,
  FP8: 17,
  UINT4: 21,
};

/** Numbers of `AttributeProto.AttributeType`. */
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** A string names a dimension of any size; '' is one without a name. */
export type OnnxDim = number | string;

/** An input or output of the graph. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly OnnxDim[];
  /** A sequence of such tensors rather than one. */
  readonly sequence?: boolean;
}

/** A plain number is an INT attribute, a list INTS; a float says that it is one. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/**
 * A constant: `data` is row-major little-endian, a list is FP32; an object names a file beside the model
 * that holds nothing else.
 */
export interface OnnxInitializer {
  readonly name: string;
  readonly type: Exclude<OnnxType, 'BYTES'>;
  readonly dims: readonly number[];
  readonly data: Uint8Array | readonly number[] | { readonly file: string };
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: readonly OnnxInitializer[];
  /** 17 unless a model needs another. */
  readonly opset?: number;
}

/** The number that ONNX gives a type, for attributes like `to` of Cast. */
export function onnxTypeCode(type: OnnxType): number {
  return TYPE_CODES[type];
}

/** Bytes of a `.onnx` file that holds `graph`; equal graphs give equal bytes. */
export function onnxModel(graph: OnnxGraph): Uint8Array {
  const encoded = [
    ...graph.nodes.map((node, index) => bytesField(1, encodeNode(node, `node_${index}`))),
    textField(2, 'test'),
    ...(graph.initializers ?? []).map((constant) => bytesField(5, encodeInitializer(constant))),
    ...graph.inputs.map((value) => bytesField(11, encodeValue(value))),
    ...graph.outputs.map((value) => bytesField(12, encodeValue(value))),
  ];
  const opset = [textField(1, ''), intField(2, graph.opset ?? 17)];
  return message([
    intField(1, 8),
    textField(2, 'naiad-test'),
    bytesField(7, message(encoded)),
    bytesField(8, message(opset)),
  ]);
}

/** Triton's `simple`: OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1. */
export function addSub(dims: readonly OnnxDim[] = ['batch', 16], type: OnnxType = 'INT32'): Uint8Array {
  const operands = ['INPUT0', 'INPUT1'];
  return onnxModel({
    inputs: operands.map((name) => ({ name, type, dims })),
    outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({ name, type, dims })),
    nodes: [
      { op: 'Add', inputs: operands, outputs: ['OUTPUT0'] },
      { op: 'Sub', inputs: operands, outputs: ['OUTPUT1'] },
    ],
  });
}

/** OUTPUT0 = INPUT0. */
export function identityModel(type: OnnxType, dims: readonly OnnxDim[] = ['batch', 'n']): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'INPUT0', type, dims }],
    outputs: [{ name: 'OUTPUT0', type, dims }],
    nodes: [{ op: 'Identity', inputs: ['INPUT0'], outputs: ['OUTPUT0'] }],
  });
}

/**
 * Y[batch,columns] = X[batch,rows] x W, FP32, W[i][j] = `weight(i, j)`; `repeat` > 1 (needs a square W)
 * multiplies that many times, for a run that takes its time.
 */
export function matmulModel(
  rows: number,
  columns: number,
  weight: (row: number, column: number) => number = () => 1,
  repeat = 1,
): Uint8Array {
  const data = Array.from({ length: rows * columns }, (_, index) =>
    weight(Math.floor(index / columns), index % columns),
  );
  const name = (step: number): string => (step === 0 ? 'X' : step === repeat ? 'Y' : `step_${step}`);
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', dims: ['batch', rows] }],
    outputs: [{ name: 'Y', type: 'FP32', dims: ['batch', columns] }],
    initializers: [{ name: 'W', type: 'FP32', dims: [rows, columns], data }],
    nodes: Array.from({ length: repeat }, (_, step) => ({
      op: 'MatMul',
      inputs: [name(step), 'W'],
      outputs: [name(step + 1)],
    })),
  });
}

function encodeNode(node: OnnxNode, name: string): Uint8Array {
  return message([
    ...node.inputs.map((input) => textField(1, input)),
    ...node.outputs.map((output) => textField(2, output)),
    textField(3, name),
    textField(4, node.op),
    ...Object.entries(node.attributes ?? {}).map(([key, value]) =>
      bytesField(5, encodeAttribute(key, value)),
    ),
  ]);
}

function encodeAttribute(name: string, value: OnnxAttribute): Uint8Array {
  const named = textField(1, name);
  const typed = (type: keyof typeof ATTRIBUTE_TYPES): Uint8Array => intField(20, ATTRIBUTE_TYPES[type]);
  if (typeof value === 'number') return message([named, intField(3, value), typed('int')]);
  if (typeof value === 'string') return message([named, textField(4, value), typed('string')]);
  if ('float' in value) return message([named, floatField(2, value.float), typed('float')]);
  return message([named, ...value.map((item) => intField(8, item)), typed('ints')]);
}

function encodeInitializer(constant: OnnxInitializer): Uint8Array {
  const { data } = constant;
  return message([
    ...constant.dims.map((dim) => intField(1, dim)),
    intField(2, TYPE_CODES[constant.type]),
    textField(8, constant.name),
    ...('file' in data ? encodeExternal(data.file) : [bytesField(9, rawData(data))]),
  ]);
}

function rawData(data: Uint8Array | readonly number[]): Uint8Array {
  return data instanceof Uint8Array ? data : new Uint8Array(Float32Array.from(data).buffer);
}

/** `TensorProto.external_data`, and `data_location` = EXTERNAL. */
function encodeExternal(file: string): Uint8Array[] {
  return [bytesField(13, message([textField(1, 'location'), textField(2, file)])), intField(14, 1)];
}

function encodeValue(value: OnnxValue): Uint8Array {
  const dims = value.dims.map((dim) => {
    if (typeof dim === 'number') return bytesField(1, intField(1, dim));
    return bytesField(1, dim === '' ? message([]) : textField(2, dim));
  });
  const tensor = message([intField(1, TYPE_CODES[value.type]), bytesField(2, message(dims))]);
  const type = value.sequence ? bytesField(4, bytesField(1, bytesField(1, tensor))) : bytesField(1, tensor);
  return message([textField(1, value.name), bytesField(2, type)]);
}

// Protobuf's wire format, as far as ONNX needs it.

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

function message(fields: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(fields));
}

function intField(field: number, value: number): Uint8Array {
  return message([varint((field << 3) | WIRE_VARINT), varint(value)]);
}

function bytesField(field: number, value: Uint8Array): Uint8Array {
  return message([varint((field << 3) | WIRE_BYTES), varint(value.length), value]);
}

function textField(field: number, value: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(value));
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(new Float32Array([value]).buffer);
  return message([varint((field << 3) | WIRE_FIXED32), bytes]);
}

/** Negative numbers are written as their 64-bit two's complement, as protobuf's int64 asks. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
