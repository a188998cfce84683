/** Cases in which this server answers otherwise than Triton, and why; the list may only shrink. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {};
