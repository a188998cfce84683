import { readPanels, type WeightColumns, WeightError } from './columns.js';

export interface IntegerBlocksOptions {
  readonly bits: 4 | 8;
  /** Weights that share a scale, all of one column; an even number. */
  readonly blockSize: number;
  /** Whether zero lies in the middle of the integers; otherwise each block has a zero point. */
  readonly symmetric: boolean;
  /** Whether scales are stored in half precision. */
  readonly half?: boolean;
}

/** weight = scale * (number - zero point), in the layout of ONNX Runtime's MatMulNBits. */
export interface IntegerBlocks {
  /**
   * [columns, blocks, bytes of a block]: unsigned numbers, two in a byte for 4 bits, the first in the lower half;
   * the last block of a column is filled up with zero points.
   */
  readonly packed: Uint8Array;
  /** [columns, blocks] */
  readonly scales: Float32Array;
  /** [columns, bytes]: packed like the numbers; null when all are 2 ** (bits - 1). */
  readonly zeroPoints: Uint8Array | null;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/** The least float of full precision: a block of smaller weights gets it as its scale. */
const SCALE_MIN = 2 ** -126;

/** The same of half precision, whose steps below 2 ** -14 are all as large. */
const HALF_SCALE_MIN = 2 ** -24;
const HALF_EXPONENT_MIN = -14;
const HALF_FRACTION_BITS = 10;

/** The number that a scale is stored as: not less, lest the greatest weight is cut off. */
type Store = (scale: number) => number;

/** Scales that are tried for 4 bits, as multiples of the plain one: the block may fit the steps of another better. */
const SCALES = [0.96, 1.06];

const LAST_OF_4_BITS = 15;

/** Blocks of a column. */
export function blocksOf(depth: number, blockSize: number): number {
  return Math.ceil(depth / blockSize);
}

/**
 * Weights as integers in blocks along each column. No weight lies further than half its block's scale from what
 * it becomes. Throws an Error for people when a weight is not finite.
 */
export function quantizeIntegerBlocks(
  columns: WeightColumns,
  { bits, blockSize, symmetric, half = false }: IntegerBlocksOptions,
): IntegerBlocks {
  const { depth, count } = columns;
  const blocks = blocksOf(depth, blockSize);
  const blockBytes = (blockSize * bits) / 8;
  const zeroPointBytes = Math.ceil((blocks * bits) / 8);
  const packed = new Uint8Array(count * blocks * blockBytes);
  const scales = new Float32Array(count * blocks);
  const zeroPoints = symmetric ? null : new Uint8Array(count * zeroPointBytes);
  const error = new WeightError();
  const levels = 2 ** bits;
  const store = half ? toHalfScale : toFloatScale;
  const write = bits === 4 ? writeNibbles : writeBytes;
  const numbers = new Uint8Array(blockSize);
  readPanels(columns, (panel, first, panelColumns) => {
    for (let column = 0; column < panelColumns; column++) {
      for (let block = 0; block < blocks; block++) {
        const start = column * depth + block * blockSize;
        const end = Math.min(start + blockSize, (column + 1) * depth);
        const index = (first + column) * blocks + block;
        const plain = symmetric
          ? fitCentred(panel, start, end, levels, store)
          : fitBetween(panel, start, end, levels, store);
        const fit = bits === 4 ? bestFit(panel, start, end, plain, symmetric, store) : plain;
        scales[index] = fit.scale;
        quantizeBlock(panel, start, end, fit, numbers, levels, error);
        write(numbers, packed, index * blockBytes);
        if (zeroPoints !== null) {
          const at = (first + column) * zeroPointBytes;
          if (bits === 8) zeroPoints[at + block] = fit.zeroPoint;
          else putNibble(zeroPoints, at, block, fit.zeroPoint);
        }
      }
    }
  });
  return { packed, scales, zeroPoints, error: error.relative };
}

interface Fit {
  readonly scale: number;
  readonly zeroPoint: number;
  /** Of the weights, and zero. */
  readonly min: number;
  readonly max: number;
}

/**
 * The integers reach one further down than up: the scale's sign puts the greater magnitude there. It is the
 * least scale that cuts the lower end not off, and the upper one by no more than rounding would.
 */
function fitCentred(weights: Float32Array, start: number, end: number, levels: number, store: Store): Fit {
  const [min, max] = extremes(weights, start, end);
  const half = levels / 2;
  const isNegative = max > -min;
  const long = isNegative ? max : -min;
  const short = isNegative ? -min : max;
  const scale = store(Math.max(long / half, short / (half - 0.5)));
  return { scale: isNegative ? -scale : scale, zeroPoint: half, min, max };
}

/** The least scale for the range between the least and the greatest weight, and zero. */
function fitBetween(weights: Float32Array, start: number, end: number, levels: number, store: Store): Fit {
  const [min, max] = extremes(weights, start, end);
  const scale = store(max / (levels - 1) - min / (levels - 1));
  return { scale, zeroPoint: Math.min(levels - 1, Math.round(-min / scale)), min, max };
}

const toFloatScale: Store = (scale) => Math.fround(Math.max(scale, SCALE_MIN));

const toHalfScale: Store = (scale) => {
  const exponent = Math.max(HALF_EXPONENT_MIN, Math.floor(Math.log2(Math.max(scale, HALF_SCALE_MIN))));
  const step = 2 ** (exponent - HALF_FRACTION_BITS);
  return Math.max(1, Math.ceil(scale / step)) * step;
};

function extremes(weights: Float32Array, start: number, end: number): [min: number, max: number] {
  let min = 0;
  let max = 0;
  for (let index = start; index < end; index++) {
    const weight = weights[index] as number;
    if (weight < min) min = weight;
    else if (weight > max) max = weight;
  }
  return [min, max];
}

/** The fit of 4 bits with the least error among some that cut nothing off by more than rounding would. */
function bestFit(
  weights: Float32Array,
  start: number,
  end: number,
  plain: Fit,
  symmetric: boolean,
  store: Store,
): Fit {
  const { min, max } = plain;
  let best = plain;
  let least = squaredError(weights, start, end, plain);
  for (const factor of SCALES) {
    if (least === 0) break;
    const scale = Math.sign(plain.scale) * store(Math.abs(plain.scale) * factor);
    const zeroPoint = symmetric ? plain.zeroPoint : Math.min(LAST_OF_4_BITS, Math.round(-min / scale));
    const fit = { scale, zeroPoint, min, max };
    const [low, high] = [-zeroPoint - 0.5, LAST_OF_4_BITS - zeroPoint + 0.5];
    const [first, last] = scale < 0 ? [max / scale, min / scale] : [min / scale, max / scale];
    if (first < low || last > high) continue;
    const errorSquares = squaredError(weights, start, end, fit);
    if (errorSquares < least) {
      least = errorSquares;
      best = fit;
    }
  }
  return best;
}

function squaredError(weights: Float32Array, start: number, end: number, { scale, zeroPoint }: Fit): number {
  const inverse = 1 / scale;
  let errorSquares = 0;
  for (let index = start; index < end; index++) {
    const weight = weights[index] as number;
    let number = Math.floor(weight * inverse + zeroPoint + 0.5);
    if (number < 0) number = 0;
    else if (number > LAST_OF_4_BITS) number = LAST_OF_4_BITS;
    const off = weight - (number - zeroPoint) * scale;
    errorSquares += off * off;
  }
  return errorSquares;
}

/** Fills `numbers`, beyond the last weight with the zero point. */
function quantizeBlock(
  weights: Float32Array,
  start: number,
  end: number,
  { scale, zeroPoint }: Fit,
  numbers: Uint8Array,
  levels: number,
  error: WeightError,
): void {
  let squares = 0;
  let errorSquares = 0;
  const inverse = 1 / scale;
  for (let index = start; index < end; index++) {
    const weight = weights[index] as number;
    // Rounded by the addition of a half: Math.round takes far longer.
    let number = Math.floor(weight * inverse + zeroPoint + 0.5);
    if (number < 0) number = 0;
    else if (number >= levels) number = levels - 1;
    numbers[index - start] = number;
    const off = weight - (number - zeroPoint) * scale;
    squares += weight * weight;
    errorSquares += off * off;
  }
  numbers.fill(zeroPoint, end - start);
  error.add(squares, errorSquares);
}

function writeBytes(numbers: Uint8Array, packed: Uint8Array, at: number): void {
  packed.set(numbers, at);
}

function writeNibbles(numbers: Uint8Array, packed: Uint8Array, at: number): void {
  for (let index = 0; index < numbers.length; index += 2) {
    packed[at + index / 2] = (numbers[index] as number) | ((numbers[index + 1] as number) << 4);
  }
}

function putNibble(packed: Uint8Array, at: number, index: number, number: number): void {
  const byte = at + (index >> 1);
  packed[byte] = (packed[byte] as number) | (number << (4 * (index & 1)));
}
