import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';
import { fromHalf } from '../tensor/half.js';
import { sameShape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { OutputError } from './report.js';

/** How far a row of probabilities may be from adding up to one. */
const PROBABILITY_TOLERANCE = 1e-2;

/** Collects how far the answers of two models lie apart in one output, sample by sample. */
export class OutputComparison {
  readonly #name: string;
  readonly #isLabelled: boolean;
  #dot = 0;
  #squaresA = 0;
  #squaresB = 0;
  #squaresOfDifferences = 0;
  #maxAbs = 0;
  #cosineMin = Number.POSITIVE_INFINITY;
  #rows = 0;
  #agreeing = 0;
  #nonFinite = 0;
  #otherShapes = 0;
  #compared = 0;
  #onlyProbabilities = true;
  #isFloat = true;

  /** @param isLabelled whether the configuration says that the output names classes */
  constructor(name: string, isLabelled: boolean) {
    this.#name = name;
    this.#isLabelled = isLabelled;
  }

  add(original: NamedTensor, other: NamedTensor): void {
    if (original.datatype !== other.datatype || !sameShape(original.shape, other.shape)) {
      this.#otherShapes++;
      return;
    }
    const a = numbersOf(original);
    const b = numbersOf(other);
    if (a === null || b === null) this.#addTexts(original.data, other.data);
    else {
      this.#addNumbers(a, b);
      if (isFloat(original.datatype)) this.#addClasses(original.shape, a, b);
      else this.#addWhole(a, b);
    }
  }

  get error(): OutputError {
    const samples = Number.isFinite(this.#cosineMin);
    return {
      name: this.#name,
      isFloat: this.#isFloat,
      compared: this.#compared,
      cosine: cosineOf(this.#dot, this.#squaresA, this.#squaresB),
      cosineMin: samples ? this.#cosineMin : 1,
      relativeRmse: relative(this.#squaresOfDifferences, this.#squaresA),
      maxAbs: this.#maxAbs,
      top1Agreement: this.#rows > 0 ? this.#agreeing / this.#rows : null,
      isClass: this.#rows > 0 && (this.#isLabelled || this.#onlyProbabilities || !this.#isFloat),
      nonFinite: this.#nonFinite,
      otherShapes: this.#otherShapes,
    };
  }

  #addNumbers(a: ArrayLike<number>, b: ArrayLike<number>): void {
    let dot = 0;
    let squaresA = 0;
    let squaresB = 0;
    for (let index = 0; index < a.length; index++) {
      const x = a[index] as number;
      const y = b[index] as number;
      // What is infinite in the original says nothing of how good the other one is.
      if (!Number.isFinite(x)) continue;
      this.#compared++;
      if (!Number.isFinite(y)) {
        this.#nonFinite++;
        continue;
      }
      dot += x * y;
      squaresA += x * x;
      squaresB += y * y;
      const difference = Math.abs(x - y);
      this.#squaresOfDifferences += difference * difference;
      if (difference > this.#maxAbs) this.#maxAbs = difference;
    }
    this.#dot += dot;
    this.#squaresA += squaresA;
    this.#squaresB += squaresB;
    this.#cosineMin = Math.min(this.#cosineMin, cosineOf(dot, squaresA, squaresB));
  }

  /** [rows, classes]: the greatest of each row. */
  #addClasses([rows, classes = 0, ...others]: readonly number[], a: Numbers, b: Numbers): void {
    if (rows === undefined || classes < 2 || others.length > 0) {
      this.#onlyProbabilities = false;
      return;
    }
    for (let row = 0; row < rows; row++) {
      const start = row * classes;
      this.#rows++;
      if (greatest(a, start, classes) === greatest(b, start, classes)) this.#agreeing++;
      if (!isDistribution(a, start, classes)) this.#onlyProbabilities = false;
    }
  }

  /** Whole numbers are classes, counts or places: near is not good enough. */
  #addWhole(a: Numbers, b: Numbers): void {
    this.#isFloat = false;
    for (let index = 0; index < a.length; index++) {
      this.#rows++;
      if (a[index] === b[index]) this.#agreeing++;
    }
  }

  #addTexts(a: Uint8Array, b: Uint8Array): void {
    this.#isFloat = false;
    this.#compared++;
    this.#rows++;
    if (Buffer.compare(a, b) === 0) this.#agreeing++;
  }
}

type Numbers = ArrayLike<number>;

function isFloat(datatype: Datatype): boolean {
  return ['FP16', 'FP32', 'FP64'].includes(datatype);
}

/** As numbers, 64-bit integers rounded; null for texts and what has no form here. */
function numbersOf({ datatype, data }: NamedTensor): Numbers | null {
  if (datatype === 'BYTES' || datatype === 'BF16') return null;
  const size = BYTE_SIZES[datatype];
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data);
  const { buffer, byteOffset } = aligned;
  const length = data.byteLength / size;
  switch (datatype) {
    case 'FP32':
      return new Float32Array(buffer, byteOffset, length);
    case 'FP64':
      return new Float64Array(buffer, byteOffset, length);
    case 'FP16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, length), fromHalf);
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer, byteOffset, length);
    case 'INT8':
      return new Int8Array(buffer, byteOffset, length);
    case 'UINT16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'INT16':
      return new Int16Array(buffer, byteOffset, length);
    case 'UINT32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'INT32':
      return new Int32Array(buffer, byteOffset, length);
    case 'UINT64':
      return Array.from(new BigUint64Array(buffer, byteOffset, length), Number);
    case 'INT64':
      return Array.from(new BigInt64Array(buffer, byteOffset, length), Number);
  }
}

function greatest(numbers: Numbers, start: number, count: number): number {
  let best = 0;
  for (let index = 1; index < count; index++) {
    if ((numbers[start + index] as number) > (numbers[start + best] as number)) best = index;
  }
  return best;
}

function isDistribution(numbers: Numbers, start: number, count: number): boolean {
  let sum = 0;
  for (let index = start; index < start + count; index++) {
    const value = numbers[index] as number;
    if (!(value >= 0)) return false;
    sum += value;
  }
  return Math.abs(sum - 1) <= PROBABILITY_TOLERANCE;
}

/** 1 when both are zero, 0 when only one is. */
function cosineOf(dot: number, squaresA: number, squaresB: number): number {
  if (squaresA === 0 || squaresB === 0) return squaresA === squaresB ? 1 : 0;
  return Math.max(-1, Math.min(1, dot / (Math.sqrt(squaresA) * Math.sqrt(squaresB))));
}

function relative(squaresOfDifferences: number, squares: number): number {
  if (squaresOfDifferences === 0) return 0;
  // Beside a zero everything is infinitely far; JSON has no infinity.
  return squares === 0 ? Number.MAX_VALUE : Math.sqrt(squaresOfDifferences / squares);
}
