import { expect, it } from 'vitest';
import { formatLatencies, summarize } from '#naiad/cli/latencies.js';

it('are summed up by measured values', () => {
  const latencies = Array.from({ length: 100 }, (_, index) => (100 - index) * 1e6);
  expect(summarize(latencies, 2e9)).toEqual({
    requests: 100,
    seconds: 2,
    requests_per_second: 50,
    min: 1,
    p50: 50,
    p90: 90,
    p99: 99,
    max: 100,
  });
});

it('of one request are all the same', () => {
  expect(summarize([1_234_567], 2e6)).toMatchObject({ min: 1.235, p50: 1.235, p99: 1.235, max: 1.235 });
});

it('are told in two lines', () => {
  expect(formatLatencies(summarize([1e6, 3e6], 4e6))).toBe(
    '2 requests in 0.00 s, 500 per second\nlatency in ms: min 1, p50 1, p90 3, p99 3, max 3\n',
  );
});
