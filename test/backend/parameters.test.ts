import { describe, expect, it } from 'vitest';
import { readChoice, readCount, readFlag } from '#naiad/backend/parameters.js';

describe('readCount', () => {
  it.each([
    ['0', 0],
    ['7', 7],
    [' 12 ', 12],
    ['1024', 1024],
  ])('reads %j', (value, expected) => {
    expect(readCount({ key: value }, 'key', 1024)).toBe(expected);
  });

  it.each(['', '-1', '1.5', '1e3', '0x10', '1025', 'many', '99999999999999999999'])('refuses %j', (value) => {
    expect(() => readCount({ key: value }, 'key', 1024)).toThrow(
      `parameter 'key' must be a whole number from 0 to 1024, got '${value}'`,
    );
  });

  it('leaves a missing one open', () => {
    expect(readCount({}, 'key', 1)).toBeUndefined();
    expect(readCount({}, 'toString', 1)).toBeUndefined();
  });
});

describe('readFlag', () => {
  it.each([
    ['1', true],
    ['true', true],
    ['True', true],
    ['0', false],
    ['false', false],
  ])('reads %j', (value, expected) => {
    expect(readFlag({ key: value }, 'key')).toBe(expected);
  });

  it.each(['', 'yes', '2'])('refuses %j', (value) => {
    expect(() => readFlag({ key: value }, 'key')).toThrow(`parameter 'key' must be 0 or 1, got '${value}'`);
  });

  it('leaves a missing one open', () => {
    expect(readFlag({}, 'key')).toBeUndefined();
  });
});

describe('readChoice', () => {
  it('reads one of the choices and refuses others', () => {
    expect(readChoice({ key: 'b' }, 'key', ['a', 'b'])).toBe('b');
    expect(readChoice({}, 'key', ['a', 'b'])).toBeUndefined();
    expect(() => readChoice({ key: 'c' }, 'key', ['a', 'b'])).toThrow(
      "parameter 'key' must be one of a, b, got 'c'",
    );
  });
});
