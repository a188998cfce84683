const FIRST_NS = 1e9;
const DELAY_NS_MAX = 60e9;

/** How long to wait after that many failed attempts, at least one: 1 s, doubling up to a minute. */
export function retryDelayNs(attempts: number): number {
  return Math.min(DELAY_NS_MAX, FIRST_NS * 2 ** (attempts - 1));
}
