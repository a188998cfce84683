import { describe, expect, it } from 'vitest';
import {
  DEFAULT_OPTIONS,
  type RequestParameter,
  readRequestOptions,
} from '#naiad/inference/request-options.js';

type Entry = readonly [string, RequestParameter];

const bool = (key: string, value: boolean): Entry => [key, { kind: 'bool', value }];
const int64 = (key: string, value: bigint): Entry => [key, { kind: 'int64', value }];
const uint64 = (key: string, value: bigint): Entry => [key, { kind: 'uint64', value }];
const double = (key: string, value: number): Entry => [key, { kind: 'double', value }];
const string = (key: string, value: string): Entry => [key, { kind: 'string', value }];
const unset = (key: string): Entry => [key, { kind: 'unset' }];

const optionsOf = (...entries: Entry[]) => {
  const { options, problem } = readRequestOptions(entries);
  expect(problem).toBeNull();
  return options;
};

const problemOf = (...entries: Entry[]): string | undefined => readRequestOptions(entries).problem?.message;

describe('readRequestOptions', () => {
  it('is the defaults without parameters', () => {
    expect(readRequestOptions([])).toEqual(DEFAULT_OPTIONS);
    expect(Object.isFrozen(DEFAULT_OPTIONS.options)).toBe(true);
  });

  it('reads every parameter that has a meaning', () => {
    expect(
      optionsOf(
        int64('sequence_id', 7n),
        bool('sequence_start', true),
        bool('sequence_end', true),
        uint64('priority', 3n),
        int64('timeout', 1500n),
        bool('triton_enable_empty_final_response', true),
      ),
    ).toEqual({
      sequenceId: 7n,
      sequenceStart: true,
      sequenceEnd: true,
      priority: 3,
      timeoutUs: 1500,
      emptyFinalResponse: true,
      custom: new Map(),
    });
  });

  it('keeps the others as they came', () => {
    const { custom } = optionsOf(
      string('a', 'text'),
      int64('b', 2n ** 60n),
      bool('c', false),
      double('d', 0.5),
      string('TRITON_upper', 'is not reserved'),
    );
    expect([...custom]).toEqual([
      ['a', 'text'],
      ['b', 2n ** 60n],
      ['c', false],
      ['d', 0.5],
      ['TRITON_upper', 'is not reserved'],
    ]);
  });

  it('does not pass on words of the HTTP protocol', () => {
    expect(optionsOf(unset('headers'), int64('binary_data_output', 1n)).custom.size).toBe(0);
  });

  it('takes sequence ids as integers and as strings', () => {
    expect(optionsOf(string('sequence_id', 'uuid')).sequenceId).toBe('uuid');
    expect(optionsOf(int64('sequence_id', -1n)).sequenceId).toBe(2n ** 64n - 1n);
    expect(optionsOf(string('sequence_id', 'ä'.repeat(64))).sequenceId).toBe('ä'.repeat(64));
    const { problem } = readRequestOptions([string('sequence_id', 'x'.repeat(129))]);
    expect(problem).toMatchObject({
      code: 'UNIMPLEMENTED',
      message: 'string correlation ID cannot be longer than 128 characters',
    });
  });

  it('takes a negative timeout for next to for ever, as Triton does', () => {
    expect(optionsOf(int64('timeout', -1n)).timeoutUs).toBe(Number.MAX_SAFE_INTEGER);
  });

  const SEQUENCE_ID = "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.";
  const PRIORITY = "invalid value type for 'priority' parameter, expected int64_param or uint64_param.";
  const TIMEOUT = "invalid value type for 'timeout' parameter, expected int64_param.";
  const RESERVED =
    "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response";
  const custom = (key: string): string =>
    `invalid value type for '${key}' parameter, expected int64_param, bool_param, or string_param.`;
  const aBool = (key: string): string => `invalid value type for '${key}' parameter, expected bool_param.`;

  it.each<[Entry, string]>([
    [double('sequence_id', 1), SEQUENCE_ID],
    [uint64('sequence_id', 3n), SEQUENCE_ID],
    [unset('sequence_id'), SEQUENCE_ID],
    [int64('sequence_start', 1n), aBool('sequence_start')],
    [string('sequence_end', 'true'), aBool('sequence_end')],
    [int64('triton_enable_empty_final_response', 1n), aBool('triton_enable_empty_final_response')],
    [string('priority', '1'), PRIORITY],
    [int64('priority', -1n), "invalid value for 'priority', expected value >= 0."],
    [string('timeout', '1'), TIMEOUT],
    [uint64('timeout', 1n), TIMEOUT],
    [string('triton_foo', 'x'), RESERVED],
    [uint64('k', 1n), custom('k')],
    [unset('k'), custom('k')],
  ])('refuses %o', (entry, text) => {
    expect(problemOf(entry)).toBe(text);
  });

  it('reports the first of several mistakes', () => {
    expect(problemOf(string('fine', 'x'), string('timeout', 'x'), int64('sequence_end', 1n))).toBe(TIMEOUT);
  });
});
