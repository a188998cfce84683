import { expect, it } from 'vitest';
import { retryDelayNs } from '#naiad/lifecycle/retry-delay.js';

it.each([
  [1, 1],
  [2, 2],
  [3, 4],
  [6, 32],
  [7, 60],
  [1000, 60],
])('after %s failed attempts the next one comes in %s s', (attempts, seconds) => {
  expect(retryDelayNs(attempts)).toBe(seconds * 1e9);
});
