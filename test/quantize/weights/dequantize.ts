// Readers of the formats, written from ONNX Runtime's description of its operators and apart from the writers.

/** Weights of MatMulNBits in columns end to end. */
export function readIntegerBlocks(
  { packed, scales, zeroPoints }: { packed: Uint8Array; scales: Float32Array; zeroPoints: Uint8Array | null },
  { depth, count, bits, blockSize }: { depth: number; count: number; bits: 4 | 8; blockSize: number },
): Float32Array {
  const blocks = Math.ceil(depth / blockSize);
  const element = (bytes: Uint8Array, index: number): number =>
    bits === 8 ? (bytes[index] as number) : ((bytes[index >> 1] as number) >> (4 * (index & 1))) & 15;
  return Float32Array.from({ length: count * depth }, (_, index) => {
    const column = Math.floor(index / depth);
    const row = index % depth;
    const block = Math.floor(row / blockSize);
    const rowBytes = Math.ceil((blocks * bits) / 8);
    const zeroPoint =
      zeroPoints === null
        ? 2 ** (bits - 1)
        : element(zeroPoints.subarray(column * rowBytes, (column + 1) * rowBytes), block);
    const number = element(packed, column * blocks * blockSize + row);
    return (number - zeroPoint) * (scales[column * blocks + block] as number);
  });
}

/** Weights of MatMulBnb4 in columns end to end. */
export function readFloatBlocks(
  { packed, peaks }: { packed: Uint8Array; peaks: Float32Array },
  book: ArrayLike<number>,
  total: number,
  blockSize: number,
): Float32Array {
  return Float32Array.from({ length: total }, (_, index) => {
    const byte = packed[index >> 1] as number;
    const number = index % 2 === 0 ? byte >> 4 : byte & 15;
    return (book[number] as number) * (peaks[Math.floor(index / blockSize)] as number);
  });
}
