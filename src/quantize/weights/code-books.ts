/** Sixteen values between -1 and 1 that 4-bit numbers stand for, by number. */
export type CodeBook = Float32Array;

/**
 * 4-bit NormalFloat: quantiles of the normal distribution, each as likely as the others, with an exact zero.
 * From appendix E of "QLoRA: Efficient Finetuning of Quantized LLMs" (arXiv:2305.14314), as bitsandbytes and
 * ONNX Runtime have it.
 */
export const NF4: CodeBook = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

/**
 * 4-bit float of bitsandbytes: a sign, two bits of exponent with a bias of 3 and one of fraction, divided by the
 * greatest of them, 12; the only subnormal one is 0.0625. Source: bitsandbytes' `dDequantizeFP4` and the same
 * table in ONNX Runtime.
 */
export const FP4: CodeBook = Float32Array.of(
  0,
  0.0625 / 12,
  8 / 12,
  1,
  4 / 12,
  6 / 12,
  2 / 12,
  3 / 12,
  -0,
  -0.0625 / 12,
  -8 / 12,
  -1,
  -4 / 12,
  -6 / 12,
  -2 / 12,
  -3 / 12,
);

/** A code book in the order of its values, for finding the one nearest to a number from -1 to 1. */
export interface SortedCodeBook {
  /** In rising order, each once. */
  readonly values: Float64Array;
  /** Number of each value. */
  readonly codes: Uint8Array;
  /** Halfway from each value to the next, and infinity behind the last. */
  readonly borders: Float64Array;
  /**
   * For x from -1 to 1, `places[(x + 1) * CELLS | 0]` is the place of the nearest value, or the one before it:
   * a cell is too small for two borders.
   */
  readonly places: Uint8Array;
}

/** Cells in which a code book's numbers from 0 to 1 are looked up. */
export const CELLS = 512;

/** Of two numbers with the same value, as the zeros of FP4 are, the first is used. */
export function sortCodeBook(book: CodeBook): SortedCodeBook {
  const sorted = Array.from(book, (value, code) => ({ value, code }))
    .filter(({ value, code }) => book.indexOf(value) === code)
    .sort((a, b) => a.value - b.value);
  const values = Float64Array.from(sorted, ({ value }) => value);
  const borders = values.map((value, index) => (value + (values[index + 1] ?? Number.POSITIVE_INFINITY)) / 2);
  const places = Uint8Array.from({ length: 2 * CELLS + 1 }, (_, cell) =>
    borders.findIndex((border) => border >= cell / CELLS - 1),
  );
  return { values, codes: Uint8Array.from(sorted, ({ code }) => code), borders, places };
}
