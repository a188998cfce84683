import { CELLS, type CodeBook, sortCodeBook } from './code-books.js';
import { readPanels, type WeightColumns, WeightError } from './columns.js';

/** weight = peak of its block * value of its number, in the layout of ONNX Runtime's MatMulBnb4. */
export interface FloatBlocks {
  /** Numbers of all columns end to end, two in a byte, the first in the upper half. */
  readonly packed: Uint8Array;
  /** The greatest magnitude of each block, or a little less; blocks go across the ends of columns. */
  readonly peaks: Float32Array;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/**
 * Peaks that are tried, as parts of the greatest magnitude: what is lost there may be won by all others. Beyond the
 * last one the greatest weight would be off by more than half the widest gap.
 */
const PEAKS = [0.94, 0.88];

/**
 * Weights as the nearest values of a code book, in blocks over all columns end to end. No weight lies further
 * than half the widest gap of the book, times the greatest magnitude of its block, from what it becomes.
 * Throws an Error for people when a weight is not finite.
 */
export function quantizeFloatBlocks(columns: WeightColumns, book: CodeBook, blockSize: number): FloatBlocks {
  const total = columns.depth * columns.count;
  const packed = new Uint8Array(Math.ceil(total / 2));
  const peaks = new Float32Array(Math.ceil(total / blockSize));
  const { values, codes, borders, places } = sortCodeBook(book);
  const error = new WeightError();
  // What a panel leaves over begins the first block of the next one.
  const pending = new Float32Array(blockSize);
  let pendingCount = 0;
  let block = 0;

  const placeOf = (scaled: number): number => {
    // Beyond 1 there are no more values.
    const cell = scaled >= 1 ? 2 * CELLS : scaled <= -1 ? 0 : ((scaled + 1) * CELLS) | 0;
    const place = places[cell] as number;
    return scaled > (borders[place] as number) ? place + 1 : place;
  };

  const errorOf = (weights: Float32Array, start: number, length: number, peak: number): number => {
    const inverse = 1 / peak;
    let errorSquares = 0;
    for (let index = start; index < start + length; index++) {
      const weight = weights[index] as number;
      const off = weight - (values[placeOf(weight * inverse)] as number) * peak;
      errorSquares += off * off;
    }
    return errorSquares;
  };

  const encode = (weights: Float32Array, start: number, length: number): void => {
    let greatest = 0;
    let squares = 0;
    for (let index = start; index < start + length; index++) {
      const weight = weights[index] as number;
      const magnitude = Math.abs(weight);
      if (magnitude > greatest) greatest = magnitude;
      squares += weight * weight;
    }
    let peak = greatest;
    let least = greatest === 0 ? 0 : errorOf(weights, start, length, peak);
    for (const part of PEAKS) {
      if (least === 0) break;
      const lower = Math.fround(part * greatest);
      const errorSquares = errorOf(weights, start, length, lower);
      if (errorSquares < least) {
        least = errorSquares;
        peak = lower;
      }
    }
    peaks[block] = peak;
    const inverse = peak === 0 ? 0 : 1 / peak;
    for (let index = 0; index < length; index++) {
      const code = codes[placeOf((weights[start + index] as number) * inverse)] as number;
      const at = block * blockSize + index;
      packed[at >> 1] = (packed[at >> 1] as number) | (code << (at & 1 ? 0 : 4));
    }
    error.add(squares, least);
    block++;
  };

  readPanels(columns, (panel, _first, count) => {
    const length = count * columns.depth;
    let position = 0;
    if (pendingCount > 0) {
      position = Math.min(blockSize - pendingCount, length);
      pending.set(panel.subarray(0, position), pendingCount);
      pendingCount += position;
      if (pendingCount < blockSize) return;
      encode(pending, 0, blockSize);
    }
    for (; position + blockSize <= length; position += blockSize) encode(panel, position, blockSize);
    pending.set(panel.subarray(position, length));
    pendingCount = length - position;
  });
  if (pendingCount > 0) encode(pending, 0, pendingCount);
  return { packed, peaks, error: error.relative };
}
