import { describe, expect, it } from 'vitest';
import { readLoadParameters } from '#naiad/http/load-body.js';
import type { HttpRequest } from '#naiad/http/route.js';
import { forwardHeaders } from '#naiad/inference/forward-headers.js';
import { NEVER_CANCELLED } from '#naiad/inference/request.js';
import { systemClock } from '#naiad/lib/clock.js';
import type { ControlParameter } from '#naiad/service/repository-control.js';
import { LIMITS } from '#naiad/settings/limits.js';

function aRequest(body: string | Buffer, hold: (bytes: number) => void = () => {}): HttpRequest {
  return {
    method: 'POST',
    path: '/',
    query: new URLSearchParams(),
    headers: {},
    peer: '',
    forwarded: forwardHeaders(null, []),
    whenSent: () => {},
    receivedNs: 0,
    cancellation: NEVER_CANCELLED,
    body: async () => Buffer.from(body),
    hold,
  };
}

async function read(body: string | Buffer): Promise<Record<string, ControlParameter>> {
  return Object.fromEntries(await readLoadParameters(aRequest(body), systemClock));
}

const parameters = (members: object): string => JSON.stringify({ parameters: members });

/** Bytes that do not repeat themselves within any power of two. */
function someBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 131) % 251;
  return bytes;
}

describe('parameters of a load', () => {
  it.each(['', '{}', '[]', 'null', '{"x":1}', '{"parameters":{}}'])('%j has none', async (body) => {
    expect(await read(body)).toEqual({});
  });

  it('are of the kinds that JSON has', async () => {
    expect(
      await read(parameters({ config: '{"a":"ö\\n"}', rollback: true, number: 1, list: [], none: null })),
    ).toEqual({
      config: { kind: 'string', value: '{"a":"ö\\n"}' },
      rollback: { kind: 'bool', value: true },
      number: { kind: 'other' },
      list: { kind: 'other' },
      none: { kind: 'other' },
    });
  });

  it.each([0, 1, 2, 3, 4, 100, 12_285, 12_286, 50_000, 196_607, 196_608, 196_609, 2_000_001])(
    'a file of %d bytes is decoded',
    async (length) => {
      const file = someBytes(length);
      const { 'file:1/model.onnx': read1 } = await read(
        parameters({ config: '{}', 'file:1/model.onnx': file.toString('base64'), rollback: false }),
      );
      expect(read1?.kind === 'bytes' && file.equals(read1.value)).toBe(true);
    },
  );

  it.each([
    ['slashes escaped', (base64: string) => base64.replaceAll('/', '\\/')],
    ['in lines', (base64: string) => base64.replace(/.{76}/g, '$&\\n')],
    ['in lines of DOS', (base64: string) => base64.replace(/.{64}/g, '$&\\r\\n')],
  ])('a file may stand there with %s', async (_case, write) => {
    const file = someBytes(1_000_000);
    const { 'file:a': value } = await read(`{"parameters":{"file:a":"${write(file.toString('base64'))}"}}`);
    expect(value?.kind === 'bytes' && file.equals(value.value)).toBe(true);
  });

  it('a long configuration is text, whatever is escaped in it', async () => {
    const config = JSON.stringify({ name: '"\\'.repeat(20_000), text: 'größe' });
    expect(await read(parameters({ config }))).toEqual({ config: { kind: 'string', value: config } });
  });

  it('names may look like anything', async () => {
    const members = { __proto__x: true, constructor: true, 'a"b\\': false };
    expect(Object.keys(await read(parameters(members)))).toEqual(Object.keys(members));
    expect(await read('{"parameters":{"__proto__":true}}')).toHaveProperty('__proto__');
  });

  it('counts what is made of the body', async () => {
    let held = 0;
    const body = parameters({ 'file:a': someBytes(300_000).toString('base64') });
    await readLoadParameters(
      aRequest(body, (bytes) => {
        held += bytes;
      }),
      systemClock,
    );
    expect(held).toBeGreaterThanOrEqual(300_000);
  });

  it('others have their turns meanwhile', async () => {
    let turns = 0;
    const clock = {
      ...systemClock,
      afterTurn(fire: () => void): void {
        turns++;
        systemClock.afterTurn(fire);
      },
    };
    const body = parameters({ 'file:a': 'A'.repeat(8 << 20), 'file:b': '\\"'.repeat(100_000) });
    await readLoadParameters(aRequest(body), clock).catch(() => {});
    expect(turns).toBeGreaterThan(32);
  });
});

describe('what is no load', () => {
  const LONG = 'x'.repeat(100_000);
  it.each([
    ['parameters that are a list', '{"parameters":[]}', "Unable to parse 'parameters'"],
    ['parameters that are null', '{"parameters":null}', "Unable to parse 'parameters'"],
    ['JSON cut off', '{"parameters":{"config":"x"', 'failed to parse'],
    ['a string cut off', '{"parameters":{"config":"x', 'failed to parse'],
    ['a long string cut off', `{"parameters":{"config":"${LONG}`, 'a string does not end'],
    ['a long string alone', `"${LONG}`, 'a string does not end'],
    ['nesting', `${'['.repeat(500_000)}`, 'it nests deeper than 100'],
    ['nesting in parameters', `{"parameters":${'['.repeat(500_000)}`, 'it nests deeper than 100'],
    ['a long name', parameters({ [LONG]: true }), 'the name of a member is too long'],
    ['a long name of a file', parameters({ [`file:${LONG}`]: 'AAAA' }), 'the name of a member is too long'],
    ['a broken escape in a long text', `{"parameters":{"config":"\\x${LONG}"}}`, 'failed to parse'],
    [
      'a text full of backslashes',
      `{"parameters":{"config":"${'\\'.repeat(600_001)}"}}`,
      'a string does not end',
    ],
    ['blanks without end', ' '.repeat(LIMITS.otherRequestBytesMax + 1), 'at most'],
    ['short strings without end', `[${'"'.repeat(3_000_000)}`, 'at most'],
    ['members without end', `[${'"",'.repeat(1_000_000)}`, 'at most'],
    ['a configuration without end', parameters({ config: 'x'.repeat(2 << 20) }), 'at most'],
    [
      'a file that is no base64',
      parameters({ 'file:a': '***' }),
      "the value of load parameter 'file:a' is not base64",
    ],
    ['a long file that is no base64', parameters({ 'file:a': `${LONG}*` }), 'is not base64'],
    ['a file with a padded middle', parameters({ 'file:a': `AA==${LONG}` }), 'is not base64'],
    ['a file with other escapes', `{"parameters":{"file:a":"\\u0041${LONG}"}}`, 'is not base64'],
  ])('%s is refused', async (_case, body, message) => {
    await expect(read(body)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });
  });

  it('bytes that are no UTF-8 are refused', async () => {
    await expect(read(Buffer.from('{"parameters":{"config":"\xff"}}', 'latin1'))).rejects.toThrow(
      'not UTF-8',
    );
  });
});
