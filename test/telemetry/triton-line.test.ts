import { describe, expect, it } from 'vitest';
import { toTritonLine } from '#naiad/telemetry/triton-line.js';

const line = (fields: object): string =>
  JSON.stringify({
    level: 'info',
    time: '2026-08-19T12:34:56.789Z',
    pid: 77,
    hostname: 'h',
    msg: 'loaded',
    ...fields,
  });

describe("a line of Triton's look", () => {
  it.each([
    ['default', 'I0819 12:34:56.789000 77 naiad] "loaded"\n'],
    ['ISO8601', '2026-08-19T12:34:56Z 77 I naiad] "loaded"\n'],
  ] as const)('is in format %s as there', (format, expected) => {
    expect(toTritonLine(line({}), format)).toBe(expected);
  });

  it.each([
    ['trace', 'I'],
    ['debug', 'I'],
    ['warn', 'W'],
    ['error', 'E'],
    ['fatal', 'E'],
  ])('of level %s begins with %s', (level, letter) => {
    expect(toTritonLine(line({ level }), 'default')).toMatch(new RegExp(`^${letter}0819 `));
  });

  it('has the fields behind the message, and stays one line', () => {
    expect(toTritonLine(line({ msg: 'a "b"\nc', model: 'm', n: 1 }), 'default')).toBe(
      'I0819 12:34:56.789000 77 naiad] "a \\"b\\"\\nc" {"model":"m","n":1}\n',
    );
  });
});
