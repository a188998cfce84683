import { CELLS, type CodeBook, sortCodeBook } from './code-books.js';
import { readPanels, type WeightColumns, WeightError } from './columns.js';

/** weight = greatest magnitude of its block * value of its number, in the layout of ONNX Runtime's MatMulBnb4. */
export interface FloatBlocks {
  /** Numbers of all columns end to end, two in a byte, the first in the upper half. */
  readonly packed: Uint8Array;
  /** Greatest magnitude of each block; blocks go across the ends of columns. */
  readonly peaks: Float32Array;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

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

  const encode = (weights: Float32Array, start: number, length: number): void => {
    let peak = 0;
    for (let index = start; index < start + length; index++) {
      const magnitude = Math.abs(weights[index] as number);
      if (magnitude > peak) peak = magnitude;
    }
    peaks[block] = peak;
    const inverse = peak === 0 ? 0 : 1 / peak;
    let squares = 0;
    let errorSquares = 0;
    let at = block * blockSize;
    for (let index = start; index < start + length; index++, at++) {
      const weight = weights[index] as number;
      const scaled = weight * inverse;
      let place = places[((scaled + 1) * CELLS) | 0] as number;
      if (scaled > (borders[place] as number)) place++;
      packed[at >> 1] = (packed[at >> 1] as number) | ((codes[place] as number) << (at & 1 ? 0 : 4));
      const off = weight - (values[place] as number) * peak;
      squares += weight * weight;
      errorSquares += off * off;
    }
    error.add(squares, errorSquares);
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
