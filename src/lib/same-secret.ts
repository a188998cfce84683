import { timingSafeEqual } from 'node:crypto';

/** Whether two texts are equal, in a time that tells nothing of how much of them is. */
export function sameSecret(a: string, b: string): boolean {
  const [first, second] = [Buffer.from(a), Buffer.from(b)];
  return first.length === second.length && timingSafeEqual(first, second);
}
