import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonError } from '#naiad/http/infer/json/json-error.js';
import { JsonReader, type JsonValue } from '#naiad/http/infer/json/reader.js';
import { LIMITS } from '#naiad/settings/limits.js';

function read(text: string | Uint8Array): JsonValue {
  const reader = new JsonReader(Buffer.from(text));
  const value = reader.value();
  reader.end();
  return value;
}

function pass(text: string): { leaves: number; stringBytes: number; isArray: boolean } {
  const reader = new JsonReader(Buffer.from(text));
  const { leaves, stringBytes, isArray } = reader.pass();
  reader.end();
  return { leaves, stringBytes, isArray };
}

/** What JavaScript's own parser would have made of it. */
function plain(value: JsonValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, member]) => [key, plain(member)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

describe('JsonReader', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, 2), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        // A member called __proto__ is lost by plain objects.
        fc.pre(!spaced.includes('__proto__'));
        expect(plain(read(spaced))).toEqual(JSON.parse(spaced));
        expect(() => pass(spaced)).not.toThrow();
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', '\\', 'x'),
        (text, at, put) => {
          const place = at % (text.length + 1);
          const broken = text.slice(0, place) + put + text.slice(place + 1);
          let refused = false;
          try {
            JSON.parse(broken);
          } catch {
            refused = true;
          }
          // What only one of the two refuses: halves of surrogate pairs, and numbers beyond a double.
          fc.pre(!/\d[eE]\+?\d{3}/.test(broken));
          fc.pre(!/\\u[dD]/.test(broken) && !/\p{Surrogate}/u.test(broken));
          const expected = refused ? expect.any(JsonError) : null;
          expect([thrown(() => read(broken)), thrown(() => pass(broken))]).toEqual([expected, expected]);
        },
      ),
    );
  });

  it.each<[string, JsonValue]>([
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['18446744073709551615', 2n ** 64n - 1n],
    ['18446744073709551616', 2 ** 64],
    ['9007199254740993', 9_007_199_254_740_993n],
    ['1', 1n],
    ['1.0', 1],
    ['1e2', 100],
    ['-0', 0n],
    ['-0.0', -0],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
    ['"\\u00fc\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00"', 'ü"\\/\b\f\n\r\t😀'],
    ['\ufeff"after a byte order mark"', 'after a byte order mark'],
    ['{"a":1,"a":2}', new Map([['a', 1n]])],
  ])('%s', (text, value) => {
    expect(read(text)).toEqual(value);
  });

  it.each([
    ['', 'The document is empty. at 0'],
    ['  ', 'The document is empty. at 2'],
    ['{bad', 'Missing a name for object member. at 1'],
    ['{"a" 1}', 'Missing a colon after a name of object member. at 5'],
    ['{"a":1 "b":2}', "Missing a comma or '}' after an object member. at 7"],
    ['{"a":1,}', 'Missing a name for object member. at 7'],
    ['[1 2]', 'Missing a comma or ] after an array element. at 3'],
    ['[1,]', 'Invalid value. at 3'],
    ['[1', 'Missing a comma or ] after an array element. at 2'],
    ['[01]', 'Missing a comma or ] after an array element. at 2'],
    ['[1.]', 'Miss fraction part in number. at 3'],
    ['[1e]', 'Miss exponent in number. at 3'],
    ['[1e400]', 'Number too big to be stored in double. at 1'],
    [`[${'9'.repeat(400)}]`, 'Number too big to be stored in double. at 1'],
    ['nan', 'Invalid value. at 0'],
    ['-x', 'Invalid value. at 0'],
    ['tru', 'Invalid value. at 0'],
    ['/* c */1', 'Invalid value. at 0'],
    ['1 x', 'The document root must not be followed by other values. at 2'],
    ['"\t"', 'Invalid escape character in string. at 1'],
    ['"\\x"', 'Invalid escape character in string. at 1'],
    ['"\\u12g4"', 'Incorrect hex digit after \\u escape in string. at 3'],
    ['"\\ud83d"', 'The surrogate pair in string is invalid. at 1'],
    ['"\\ude00\\ud83d"', 'The surrogate pair in string is invalid. at 1'],
    ['"open', 'Missing a closing quotation mark in string. at 0'],
  ])('refuses %s', (text, reason) => {
    expect(() => read(text)).toThrow(
      new JsonError(reason.replace(/ at \d+$/, ''), Number(/\d+$/.exec(reason))),
    );
  });

  it('goes as deep as Triton does and no deeper', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    const reason = `Nesting deeper than ${LIMITS.jsonDepthMax}.`;
    expect(thrown(() => read(nested(LIMITS.jsonDepthMax)))).toBe(null);
    expect(thrown(() => read(nested(LIMITS.jsonDepthMax + 1)))).toMatchObject({
      message: `${reason} at 100`,
    });
    expect(thrown(() => pass(nested(500_000)))).toMatchObject({ message: `${reason} at 100` });
  });

  it('makes a bounded number of values', () => {
    const text = `[${'1,'.repeat(LIMITS.jsonValuesMax)}1]`;
    expect(() => read(text)).toThrow(`More than ${LIMITS.jsonValuesMax} values`);
    // Those of tensors are none.
    for (const element of ['1', 'true', 'false', 'null', '""']) {
      const data = `[${`${element},`.repeat(LIMITS.jsonValuesMax)}${element}]`;
      expect(pass(data)).toMatchObject({ leaves: LIMITS.jsonValuesMax + 1 });
    }
  });

  it.each([
    ['[1,[2,3],[[]],"ab",{"x":[1,"long"]},null]', { leaves: 6, stringBytes: 2, isArray: true }],
    ['"\\n"', { leaves: 1, stringBytes: 2, isArray: false }],
    ['[]', { leaves: 0, stringBytes: 0, isArray: true }],
  ])('counts the values of %s', (text, counts) => {
    expect(pass(text)).toEqual(counts);
  });
});

function thrown(act: () => unknown): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}
