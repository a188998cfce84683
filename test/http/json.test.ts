import { describe, expect, it } from 'vitest';
import { parseJson, toObject } from '#naiad/http/json.js';

const parse = (text: string): unknown => parseJson(Buffer.from(text));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('JSON of a request', () => {
  it.each([
    ['', undefined],
    ['{"a":1}', { a: 1 }],
    ['"größe"', 'größe'],
    [`"${'['.repeat(1000)}\\"${'['.repeat(1000)}"`, `${'['.repeat(1000)}"${'['.repeat(1000)}`],
    ['"\\\\"', '\\'],
  ])('%.40s', (text, value) => {
    expect(parse(text)).toEqual(value);
  });

  it('may nest a hundred deep', () => {
    expect(JSON.stringify(parse(nested(100)))).toBe(nested(100));
  });

  it.each([
    ['too deep', nested(101)],
    ['much too deep', nested(250_000)],
    ['open without end', '['.repeat(500_000)],
    ['objects in each other', '{"a":'.repeat(101)],
    ['cut off', '{"a":'],
    ['two of them', '{} {}'],
    ['an open string', '"abc'],
    ['no JSON', 'nope'],
  ])('%s is refused with a reason', (_case, text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^failed to parse the request JSON buffer: ./),
      }),
    );
  });

  it('is UTF-8', () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow('it is not UTF-8');
  });

  it('has no members when it is no object', () => {
    for (const text of ['', 'null', '[]', '"x"', '1']) expect(toObject(parse(text))).toEqual({});
  });
});
