/** Cases in which this server answers otherwise than Triton, and why; the list may only shrink. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  'validation/shape-overflow':
    'Triton keeps batch sizes in 32 bits, where 2^40 is 0; here it is a batch that is too large',
};
