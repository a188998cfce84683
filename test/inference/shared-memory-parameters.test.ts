import { describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import type { RequestParameter } from '#naiad/inference/request-options.js';
import { readSharedMemory } from '#naiad/inference/shared-memory-parameters.js';

const text = (value: string): RequestParameter => ({ kind: 'string', value });
const int = (value: bigint): RequestParameter => ({ kind: 'int64', value });
const unsigned = (value: bigint): RequestParameter => ({ kind: 'uint64', value });

function read(
  region?: RequestParameter,
  byteSize?: RequestParameter,
  offset?: RequestParameter,
): ReturnType<typeof readSharedMemory> {
  const parameters = new Map<string, RequestParameter>([['custom', int(1n)]]);
  if (region !== undefined) parameters.set('shared_memory_region', region);
  if (byteSize !== undefined) parameters.set('shared_memory_byte_size', byteSize);
  if (offset !== undefined) parameters.set('shared_memory_offset', offset);
  return readSharedMemory('X', parameters);
}

describe('the shared memory of a tensor', () => {
  it('is none without the parameters', () => {
    expect(read()).toBe(null);
  });

  it('begins at 0 where no offset is given', () => {
    expect(read(text('r'), int(64n))).toEqual({ region: 'r', offset: 0, byteSize: 64 });
    expect(read(text('r'), unsigned(64n), int(8n))).toEqual({ region: 'r', offset: 8, byteSize: 64 });
    expect(read(text(''), int(0n))).toEqual({ region: '', offset: 0, byteSize: 0 });
  });

  it('reads negative numbers as what no region reaches', () => {
    expect(read(text('r'), int(1n), int(-4096n))).toEqual({
      region: 'r',
      offset: 2 ** 64 - 4096,
      byteSize: 1,
    });
    expect(read(text('r'), int(-4096n))).toEqual({ region: 'r', offset: 0, byteSize: 2 ** 64 - 4096 });
  });

  const wrongType = (key: string, expected: string): string =>
    `invalid value type for '${key}' parameter for tensor 'X', expected ${expected}.`;
  const alone = (key: string): string =>
    `'${key}' can not be specified without 'shared_memory_region' parameter for tensor 'X'`;

  it.each([
    ['a region that is a number', [int(4n), int(64n)], wrongType('shared_memory_region', 'string_param')],
    [
      'a region without value',
      [{ kind: 'unset' }, int(64n)],
      wrongType('shared_memory_region', 'string_param'),
    ],
    [
      'an offset that is text',
      [text('r'), text('64'), text('0')],
      wrongType('shared_memory_offset', 'int64_param'),
    ],
    ['a size that is text', [text('r'), text('64')], wrongType('shared_memory_byte_size', 'int64_param')],
    [
      'no size',
      [text('r'), undefined, int(0n)],
      "'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor 'X'",
    ],
    ['an offset alone', [undefined, undefined, int(0n)], alone('shared_memory_offset')],
    ['a size alone', [undefined, int(64n)], alone('shared_memory_byte_size')],
    ['an offset and a size alone', [undefined, text(''), text('')], alone('shared_memory_offset')],
  ] as const)('refuses %s', (_what, [region, byteSize, offset], message) => {
    const got = read(region, byteSize, offset);
    expect(got).toBeInstanceOf(ServingError);
    expect(got).toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });
});
