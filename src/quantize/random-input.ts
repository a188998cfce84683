import type { Random } from '../lib/random.js';
import type { TensorDescription } from '../model-config/description.js';
import { joinBytes } from '../tensor/bytes.js';
import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';
import { elementCount, type Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';

/** Of all inputs together: a model that takes more is not asked at random. */
const ELEMENTS_MAX = 1 << 24;

export interface RandomInputOptions {
  readonly random: Random;
  /** Size of dimensions that the model and the configuration leave open. */
  readonly fill: number;
  /** Shapes as the configuration has them, -1 where it leaves one open. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * Inputs that a model may take: numbers around zero, whole numbers of 32 and 64 bits 0 or 1, since they
 * are indices more often than not. null when one can't be made, or would be too large.
 */
export function randomInputs(
  inputs: readonly TensorDescription[],
  { random, fill, shapes }: RandomInputOptions,
): NamedTensor[] | null {
  const tensors: NamedTensor[] = [];
  let elements = 0;
  for (const { name, datatype, shape: declared } of inputs) {
    if (datatype === null || datatype === 'BF16') return null;
    const shape = fillShape(declared, shapes.get(name) ?? [], fill);
    const count = elementCount(shape);
    elements += count;
    if (elements > ELEMENTS_MAX) return null;
    tensors.push({ name, datatype, shape, data: randomData(datatype, count, random) });
  }
  return tensors;
}

/** `declared` with what it leaves open taken from `configured` where that has the same rank, else `fill`. */
export function fillShape(declared: Shape, configured: Shape, fill: number): number[] {
  return declared.map((dim, axis) => {
    if (dim >= 0) return dim;
    const known = configured.length === declared.length ? (configured[axis] ?? -1) : -1;
    return known > 0 ? known : fill;
  });
}

function randomData(datatype: Exclude<Datatype, 'BF16'>, count: number, random: Random): Uint8Array {
  if (datatype === 'BYTES') return joinBytes(Array.from({ length: count }, () => Buffer.from('a')));
  const data = new Uint8Array(count * BYTE_SIZES[datatype]);
  const view = new DataView(data.buffer);
  const write = WRITERS[datatype];
  for (let index = 0; index < count; index++) write(view, index, random);
  return data;
}

type Writer = (view: DataView, index: number, random: Random) => void;

const bit = (random: Random): number => (random() < 0.5 ? 0 : 1);
const aroundZero = (random: Random): number => random() * 2 - 1;
const byte = (random: Random): number => Math.floor(random() * 256);

const WRITERS: Readonly<Record<Exclude<Datatype, 'BF16' | 'BYTES'>, Writer>> = {
  BOOL: (view, index, random) => view.setUint8(index, bit(random)),
  UINT8: (view, index, random) => view.setUint8(index, byte(random)),
  INT8: (view, index, random) => view.setUint8(index, byte(random)),
  UINT16: (view, index, random) => view.setUint16(index * 2, bit(random), true),
  INT16: (view, index, random) => view.setInt16(index * 2, bit(random), true),
  UINT32: (view, index, random) => view.setUint32(index * 4, bit(random), true),
  INT32: (view, index, random) => view.setInt32(index * 4, bit(random), true),
  UINT64: (view, index, random) => view.setBigUint64(index * 8, BigInt(bit(random)), true),
  INT64: (view, index, random) => view.setBigInt64(index * 8, BigInt(bit(random)), true),
  FP32: (view, index, random) => view.setFloat32(index * 4, aroundZero(random), true),
  FP64: (view, index, random) => view.setFloat64(index * 8, aroundZero(random), true),
  // Any sign and fraction, exponents for 2^-8 to 2^-1.
  FP16: (view, index, random) => {
    const sign = bit(random) << 15;
    const exponent = (7 + Math.floor(random() * 8)) << 10;
    view.setUint16(index * 2, sign | exponent | Math.floor(random() * 1024), true);
  },
};
