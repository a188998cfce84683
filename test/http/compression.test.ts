import { describe, expect, it } from 'vitest';
import { answerCompression, requestCompression } from '#naiad/http/compression.js';

describe('compression of answers, as Triton chooses it', () => {
  it.each([
    ['gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['gzip, deflate, br', 'gzip'],
    ['deflate, gzip', 'deflate'],
    ['gzip;q=0.1, deflate;q=0.9', 'deflate'],
    ['deflate;q=0, gzip', 'gzip'],
    ['gzip;q=1.0', 'gzip'],
    ['identity;q=0.5, gzip ; Q = 0.6', 'gzip'],
    ['GZIP', 'gzip'],
    ['identity;q=1, gzip;q=0.5', null],
    ['gzip;q=0', null],
    ['gzip;q=x', null],
    ['br', null],
    ['*', null],
    ['x-gzip', null],
    ['', null],
    [undefined, null],
  ])('%j: %s', (accepted, compression) => {
    expect(answerCompression(accepted)).toBe(compression);
  });
});

describe('compression of requests', () => {
  it.each([
    [undefined, null],
    ['', null],
    ['identity', null],
    ['gzip', 'gzip'],
    ['Deflate', 'deflate'],
    ['br', 'unknown'],
    ['gzip, gzip', 'unknown'],
  ])('%j: %s', (encoding, compression) => {
    expect(requestCompression(encoding)).toBe(compression);
  });
});
