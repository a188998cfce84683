import { describe, expect, it } from 'vitest';
import { repairTimeout, toDeadlineNs } from '#naiad/grpc/timeout-header.js';

describe('repairTimeout', () => {
  it.each([
    ['597H', undefined],
    ['596H', '596H'],
    ['2592000S', undefined],
    ['2147483S', '2147483S'],
    ['2147484S', undefined],
    ['35792M', undefined],
    ['99999999m', '99999999m'],
    ['99999999u', '99999999u'],
    ['99999999n', '99999999n'],
    ['1000u', '1000u'],
    ['999u', '1m'],
    ['1u', '1m'],
    ['999999n', '1m'],
    ['0u', '0u'],
    ['0n', '0n'],
    ['garbage', 'garbage'],
    ['', ''],
  ])('%s -> %s', (sent, kept) => {
    const headers = { 'grpc-timeout': sent, other: 'x' };
    repairTimeout(headers);
    expect(headers).toEqual(kept === undefined ? { other: 'x' } : { 'grpc-timeout': kept, other: 'x' });
  });
});

describe('toDeadlineNs', () => {
  it('puts a time of the wall clock onto the monotonic one', () => {
    expect(toDeadlineNs(5000, 3000, 7e9)).toBe(9e9);
    expect(toDeadlineNs(new Date(5000), 3000, 7e9)).toBe(9e9);
    expect(toDeadlineNs(2000, 3000, 7e9)).toBe(6e9);
  });
});
