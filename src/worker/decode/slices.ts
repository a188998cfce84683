/** Pictures `start` to `end` (exclusive) of a request. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** Pictures in one slice at most: the threads then share a big request evenly, however its pictures differ. */
const SLICE_PICTURES_MAX = 4;

/** Their rows together, which the serving thread copies at a time; one picture may have more. */
const SLICE_DECODED_BYTES_MAX = 8 << 20;

/** Work that a picture costs besides what its size says, in encoded bytes of the same cost. */
const FIXED_BYTES = 16 << 10;

/**
 * Cuts a request into slices of about the same work, at least one for each thread while there are
 * pictures enough. `sizes` are encoded bytes, `rowBytes` those of one decoded picture.
 */
export function slicesOf(sizes: readonly number[], rowBytes: number, threads: number): Slice[] {
  const picturesMax = Math.min(
    SLICE_PICTURES_MAX,
    Math.max(1, Math.floor(SLICE_DECODED_BYTES_MAX / rowBytes)),
  );
  const count = Math.max(Math.min(threads, sizes.length), Math.ceil(sizes.length / picturesMax));
  const total = sizes.reduce((sum, size) => sum + size + FIXED_BYTES, 0);
  const slices: Slice[] = [];
  let start = 0;
  let work = 0;
  sizes.forEach((size, index) => {
    work += size + FIXED_BYTES;
    const end = index + 1;
    const slicesLeft = count - slices.length - 1;
    const picturesLeft = sizes.length - end;
    const due = work >= (total * (slices.length + 1)) / count;
    if (picturesLeft === 0 || (slicesLeft > 0 && (due || picturesLeft === slicesLeft))) {
      slices.push({ start, end });
      start = end;
    }
  });
  return slices;
}
