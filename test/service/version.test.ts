import { describe, expect, it } from 'vitest';
import { LATEST } from '#naiad/lifecycle/catalog.js';
import { parseVersion } from '#naiad/service/version.js';

describe('parseVersion', () => {
  it.each([
    ['', LATEST],
    ['1', 1],
    ['0', 0],
    ['+7', 7],
    ['1abc', 1],
    [' 1', 1],
    ['1.5', 1],
    [`${'0'.repeat(1_000_000)}3`, 3],
    ['9223372036854775807', Number(2n ** 63n - 1n)],
  ])('reads %j as %d', (text, version) => {
    expect(parseVersion(text)).toBe(version);
  });

  it.each(['abc', '-', ' ', '99999999999999999999', '-99999999999999999999', '9'.repeat(1_000_000)])(
    'refuses %j',
    (text) => {
      expect(() => parseVersion(text)).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: `failed to get model version from specified version string '${text}' (details: stol), version should be an integral value > 0`,
        }),
      );
    },
  );

  it('refuses negative versions with a text of their own', () => {
    expect(() => parseVersion('-1')).toThrow(
      "invalid model version specified '-1' , version should be an integral value > 0",
    );
  });
});
