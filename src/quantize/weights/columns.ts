import { DataType } from '../../onnx/data-type.js';
import type { OnnxTensor } from '../../onnx/model.js';
import { floatsOf } from '../../onnx/tensor-values.js';

/** Weights as columns, each of which belongs to one output: what is quantized together lies in one column. */
export interface WeightColumns {
  /** Of the tensor, for error texts. */
  readonly name: string;
  /** Weights in a column. */
  readonly depth: number;
  readonly count: number;
  /** Lays up to 16 columns from `first` on end to end. Throws an Error for people when one is not finite. */
  read(first: number, count: number, into: Float32Array): void;
}

/** How the columns lie in a tensor. */
export interface ColumnsLayout {
  readonly depth: number;
  readonly count: number;
  /** Whether the tensor holds one column after the other, rather than one row after the other. */
  readonly contiguous: boolean;
  /** Every weight is multiplied by it. */
  readonly factor: number;
}

/** Columns that are read at once: few enough for the cache, enough to read rows in runs. */
const PANEL_COLUMNS = 16;

/**
 * Columns of a floating-point tensor. A FLOAT tensor is read where it lies, whatever its alignment; of other
 * types it is copied once.
 */
export function columnsOf(
  tensor: OnnxTensor,
  { depth, count, contiguous, factor }: ColumnsLayout,
): WeightColumns {
  const { name } = tensor;
  const floats = floatBytes(tensor);
  const copy = contiguous ? copyColumns(floats, depth) : copyStrips(floats, depth, count);
  return {
    name,
    depth,
    count,
    read(first, columns, into) {
      copy(first, columns, into);
      // The sum of all differences from themselves is 0, or NaN when one of them is not finite.
      let sound = 0;
      for (let index = 0; index < columns * depth; index++) {
        const weight = Math.fround((into[index] as number) * factor);
        sound += weight - weight;
        into[index] = weight;
      }
      if (sound !== 0) throw new Error(`the weights '${name}' hold NaN or infinities`);
    },
  };
}

/** All columns in turn, several at a time: `panel` holds `count` of them from `first` on until it returns. */
export function readPanels(
  columns: WeightColumns,
  visit: (panel: Float32Array, first: number, count: number) => void,
): void {
  const panel = new Float32Array(Math.min(PANEL_COLUMNS, columns.count) * columns.depth);
  for (let first = 0; first < columns.count; first += PANEL_COLUMNS) {
    const count = Math.min(PANEL_COLUMNS, columns.count - first);
    columns.read(first, count, panel);
    visit(panel, first, count);
  }
}

type CopyColumns = (first: number, columns: number, into: Float32Array) => void;

function floatBytes(tensor: OnnxTensor): Uint8Array {
  return tensor.dataType === DataType.float ? tensor.data : bytesOf(floatsOf(tensor));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function copyColumns(floats: Uint8Array, depth: number): CopyColumns {
  return (first, columns, into) =>
    bytesOf(into).set(floats.subarray(4 * first * depth, 4 * (first + columns) * depth));
}

/** From a tensor that holds one row after the other: bytes first, since only those can be had at any place. */
function copyStrips(floats: Uint8Array, depth: number, count: number): CopyColumns {
  const strip = new Float32Array(PANEL_COLUMNS * depth);
  const stripBytes = bytesOf(strip);
  return (first, columns, into) => {
    for (let row = 0; row < depth; row++) {
      const at = 4 * (row * count + first);
      stripBytes.set(floats.subarray(at, at + 4 * columns), 4 * row * columns);
    }
    let from = 0;
    for (let row = 0; row < depth; row++) {
      for (let to = row; to < columns * depth; to += depth) into[to] = strip[from++] as number;
    }
  };
}

/** Sums up how far quantized weights lie from the weights. */
export class WeightError {
  #squares = 0;
  #errorSquares = 0;

  add(squares: number, errorSquares: number): void {
    this.#squares += squares;
    this.#errorSquares += errorSquares;
  }

  /** Root mean square of the differences, relative to that of the weights. */
  get relative(): number {
    return this.#squares === 0 ? 0 : Math.sqrt(this.#errorSquares / this.#squares);
  }
}
