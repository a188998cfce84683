import { describe, expect, it } from 'vitest';
import type { ServingError } from '#naiad/errors/serving-error.js';
import type { LoadOptions } from '#naiad/lifecycle/control.js';
import {
  type ControlParameter,
  checkLoad,
  checkUnload,
  readLoadOptions,
  readUnloadOptions,
} from '#naiad/service/repository-control.js';

const TEXT: ControlParameter = { kind: 'string', value: '{}' };
const BYTES: ControlParameter = { kind: 'bytes', value: Buffer.from('x') };
const YES: ControlParameter = { kind: 'bool', value: true };
const NO: ControlParameter = { kind: 'bool', value: false };
const OTHER: ControlParameter = { kind: 'other' };

const parameters = (entries: Readonly<Record<string, ControlParameter>>) => new Map(Object.entries(entries));

const PLAIN: LoadOptions = { config: null, files: new Map(), rollback: false };
const options = (changes: Partial<LoadOptions>): LoadOptions => ({ ...PLAIN, ...changes });
const withFile = (path: string): LoadOptions =>
  options({ config: '{}', files: new Map([[path, Buffer.of(1)]]) });

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    const { code, message } = error as ServingError;
    return `${code} ${message}`;
  }
  return 'none';
}

describe('parameters of a load', () => {
  it('are a configuration, files, and whether to go back', () => {
    expect(readLoadOptions(new Map())).toEqual(PLAIN);
    expect(readLoadOptions(parameters({ rollback: YES }))).toEqual(options({ rollback: true }));
    const read = readLoadOptions(
      parameters({ 'file:1/a': BYTES, config: TEXT, 'file:': BYTES, rollback: NO }),
    );
    expect(read).toEqual(
      options({
        config: '{}',
        files: new Map([
          ['1/a', BYTES.value],
          ['', BYTES.value],
        ]),
      }),
    );
  });

  it.each([
    ['config', BYTES, "invalid value type for load parameter 'config', expected string_param."],
    ['config', OTHER, "invalid value type for load parameter 'config', expected string_param."],
    ['file:1/m', TEXT, "invalid value type for load parameter 'file:1/m', expected bytes_param."],
    ['file:', OTHER, "invalid value type for load parameter 'file:', expected bytes_param."],
    ['rollback', TEXT, "invalid value type for load parameter 'rollback', expected bool_param."],
    ['filex', BYTES, "unrecognized load parameter 'filex'."],
    ['', TEXT, "unrecognized load parameter ''."],
  ])("'%s' of the wrong type, or unknown", (key, value, text) => {
    expect(refusal(() => readLoadOptions(parameters({ [key]: value })))).toBe(`INVALID_ARGUMENT ${text}`);
  });

  it('are refused in their order', () => {
    expect(refusal(() => readLoadOptions(parameters({ nope: TEXT, config: OTHER })))).toContain("'nope'");
    expect(refusal(() => readLoadOptions(parameters({ config: OTHER, nope: TEXT })))).toContain("'config'");
  });

  it.each(['config', 'file:a'])('do not go back with %s', (key) => {
    const value = key === 'config' ? TEXT : BYTES;
    expect(refusal(() => readLoadOptions(parameters({ [key]: value, rollback: YES })))).toBe(
      "INVALID_ARGUMENT load parameter 'rollback' can't be combined with 'config' or 'file:' parameters.",
    );
  });
});

describe('parameters of an unload', () => {
  it('know one key and ignore others', () => {
    expect(readUnloadOptions(new Map())).toEqual({ dependents: false });
    expect(readUnloadOptions(parameters({ nope: TEXT, unload_dependents: YES }))).toEqual({
      dependents: true,
    });
    expect(readUnloadOptions(parameters({ unload_dependents: NO }))).toEqual({ dependents: false });
  });

  it.each([TEXT, OTHER])('take %j for no boolean', (value) => {
    expect(refusal(() => readUnloadOptions(parameters({ unload_dependents: value })))).toBe(
      "INVALID_ARGUMENT invalid value type for 'unload_dependents' parameter, expected bool_param.",
    );
  });
});

describe('a load', () => {
  const DISABLED = 'UNAVAILABLE explicit model load / unload is not allowed if polling is enabled';

  it.each([
    ['explicit', PLAIN, 'none'],
    ['explicit', options({ rollback: true }), 'none'],
    ['explicit', options({ config: '{}' }), 'none'],
    ['poll', PLAIN, DISABLED],
    ['poll', options({ config: '{}' }), DISABLED],
    ['poll', options({ rollback: true }), 'none'],
    ['none', PLAIN, DISABLED],
    ['none', options({ rollback: true }), DISABLED],
  ] as const)('in mode %s with %j', (mode, load, expected) => {
    expect(refusal(() => checkLoad(mode, 'm', load))).toBe(expected);
  });

  it.each([
    ['', 'INVALID_ARGUMENT Model name cannot be empty. Please enter a valid name to deploy.'],
    ...['.', '..', '../m', 'a/b', '/', 'a\\b', 'a\0'].map((name) => [
      name,
      `INVALID_ARGUMENT invalid model name '${name}', model name must not contain path traversal characters`,
    ]),
    ['a..b', 'none'],
    ['.hidden', 'none'],
    ['Gesicht-ä 1', 'none'],
  ])('of %j', (name, expected) => {
    expect(refusal(() => checkLoad('explicit', name, PLAIN))).toBe(expected);
  });

  it.each([
    ['1/model.onnx', 'none'],
    ['labels.txt', 'none'],
    ['./a/../b', 'none'],
    [
      '../x',
      "Invalid file parameter 'file:../x' with normalized path '../x' must stay within model directory.",
    ],
    [
      'a/../../x',
      "Invalid file parameter 'file:a/../../x' with normalized path '../x' must stay within model directory.",
    ],
    [
      '/etc/x',
      "Invalid file parameter 'file:/etc/x' with normalized path '/etc/x' must stay within model directory.",
    ],
    ['', "Invalid file parameter 'file:' with normalized path '.' must stay within model directory."],
    ['a/..', "Invalid file parameter 'file:a/..' with normalized path '.' must stay within model directory."],
    ['a/', "Invalid file parameter 'file:a/': it is the path of a folder."],
    [
      `1/${'n'.repeat(256)}`,
      `Invalid file parameter 'file:1/${'n'.repeat(256)}': a name has at most 255 bytes.`,
    ],
    ['n'.repeat(255), 'none'],
  ])('with the file %j', (path, expected) => {
    expect(refusal(() => checkLoad('explicit', 'm', withFile(path)))).toBe(
      expected === 'none'
        ? 'none'
        : `INTERNAL failed to load 'm', failed to poll from model repository: ${expected}`,
    );
  });

  it('needs a configuration beside files', () => {
    expect(refusal(() => checkLoad('explicit', 'm', { ...withFile('a'), config: null }))).toBe(
      "INTERNAL failed to load 'm', failed to poll from model repository: Load parameter 'config' must be specified for model file override",
    );
  });

  it('is refused for the mode, then for the name, then for its files', () => {
    const bad = { ...withFile('..'), config: null };
    expect(refusal(() => checkLoad('none', '', bad))).toBe(DISABLED);
    expect(refusal(() => checkLoad('explicit', '', bad))).toContain('cannot be empty');
    expect(refusal(() => checkLoad('explicit', '..', bad))).toContain('path traversal');
    expect(refusal(() => checkLoad('explicit', 'm', bad))).toContain("'config' must be specified");
  });

  it('and an unload have the same bounds of modes', () => {
    expect(refusal(() => checkUnload('explicit'))).toBe('none');
    expect(refusal(() => checkUnload('poll'))).toBe(DISABLED);
    expect(refusal(() => checkUnload('none'))).toBe(DISABLED);
  });
});
