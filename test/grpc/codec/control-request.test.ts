import { describe, expect, it } from 'vitest';
import { decodeControlRequest } from '#naiad/grpc/codec/control-request.js';
import { encodeControlResponse } from '#naiad/grpc/codec/control-response.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { WireError } from '#naiad/wire/wire-error.js';
import { encodeMessage } from '../../support/infer-protos.js';

const encode = (message: object): Buffer => encodeMessage('RepositoryModelLoadRequest', message);

describe('a load or unload request', () => {
  it('is read as protobufjs writes it', () => {
    const file = Buffer.from([1, 2, 0, 255]);
    const message = decodeControlRequest(
      encode({
        repository_name: 'r',
        model_name: 'Gesicht-ä',
        parameters: {
          config: { string_param: '{"name":"ä"}' },
          'file:1/model.onnx': { bytes_param: file },
          'file:empty': { bytes_param: Buffer.alloc(0) },
          rollback: { bool_param: true },
          off: { bool_param: false },
          number: { int64_param: 7 },
          text: { string_param: 'x' },
          unset: {},
        },
      }),
    );
    expect(message).toMatchObject({ repositoryName: 'r', modelName: 'Gesicht-ä', madeBytes: 12 });
    expect([...message.parameters]).toEqual([
      ['config', { kind: 'string', value: '{"name":"ä"}' }],
      ['file:1/model.onnx', { kind: 'bytes', value: file }],
      ['file:empty', { kind: 'bytes', value: Buffer.alloc(0) }],
      ['rollback', { kind: 'bool', value: true }],
      ['off', { kind: 'bool', value: false }],
      ['number', { kind: 'other' }],
      ['text', { kind: 'other' }],
      ['unset', { kind: 'other' }],
    ]);
  });

  it('keeps files as views on the message', () => {
    const bytes = encode({ parameters: { 'file:a': { bytes_param: Buffer.alloc(1000, 7) } } });
    const parameter = decodeControlRequest(bytes).parameters.get('file:a');
    expect(parameter?.kind === 'bytes' && parameter.value.buffer).toBe(bytes.buffer);
  });

  it('may be empty, and skips what it does not know', () => {
    const empty = { repositoryName: '', modelName: '', parameters: new Map(), madeBytes: 0 };
    expect(decodeControlRequest(Buffer.alloc(0))).toEqual(empty);
    expect(decodeControlRequest(Buffer.from('f80601', 'hex'))).toEqual(empty);
  });

  it('takes the last of parameters with the same key, and merges a value that comes twice', () => {
    const one = encode({ parameters: { config: { string_param: 'a' } } });
    const two = encode({ parameters: { config: { string_param: 'b' } } });
    expect(decodeControlRequest(Buffer.concat([one, two])).parameters.get('config')).toEqual({
      kind: 'string',
      value: 'b',
    });
    // The entry {1: "rollback", 2: {1: true}, 2: {}}
    const merged = Buffer.from(`1a100a08${Buffer.from('rollback').toString('hex')}120208011200`, 'hex');
    expect(decodeControlRequest(merged).parameters.get('rollback')).toEqual({ kind: 'bool', value: true });
  });

  const long = 'x'.repeat(LIMITS.nameBytesMax + 1);
  it.each([
    ['names', { model_name: long }, /a string of \d+ bytes exceeds/],
    ['names of repositories', { repository_name: long }, /a string of \d+ bytes exceeds/],
    ['keys', { parameters: { [long]: {} } }, /a string of \d+ bytes exceeds/],
    [
      'configurations',
      { parameters: { config: { string_param: 'x'.repeat(LIMITS.configBytesMax + 1) } } },
      /a configuration of \d+ bytes exceeds/,
    ],
    [
      'lists',
      {
        parameters: Object.fromEntries(
          Array.from({ length: LIMITS.requestItemsMax + 1 }, (_, index) => [`file:${index}`, {}]),
        ),
      },
      /more than \d+ parameters/,
    ],
  ])('is refused for %s that are too long', (_, message, text) => {
    expect(() => decodeControlRequest(encode(message))).toThrow(text);
  });

  it.each([
    ['cut off', '0a0561'],
    ['no UTF-8', '1a0e0a06636f6e66696712041a02ffff'],
    ['a group that does not end', '0b'],
  ])('is refused when it is %s', (_, hex) => {
    expect(() => decodeControlRequest(Buffer.from(hex, 'hex'))).toThrow();
  });
});

it('bytes that end anywhere, or are damaged, are a request or a WireError', () => {
  const bytes = encode({
    repository_name: 'r',
    model_name: 'm',
    parameters: {
      config: { string_param: '{}' },
      'file:a': { bytes_param: Buffer.of(1, 2) },
      b: { bool_param: true },
    },
  });
  const read = (message: Buffer): unknown => {
    try {
      return decodeControlRequest(message);
    } catch (error) {
      return error;
    }
  };
  const results = Array.from(bytes, (_, index) => [
    read(bytes.subarray(0, index)),
    ...[0x01, 0x04, 0x80].map((bit) => {
      const damaged = Buffer.from(bytes);
      damaged[index] = (damaged[index] ?? 0) ^ bit;
      return read(damaged);
    }),
  ]).flat();
  const errors = results.filter((result) => result instanceof Error);
  expect(errors.filter((error) => !(error instanceof WireError))).toEqual([]);
  expect(errors.length).toBeGreaterThan(bytes.length / 2);
  expect(errors.length).toBeLessThan(results.length);
});

describe('the answer', () => {
  it("has no fields in Triton's form, and the name in KServe's", () => {
    expect(encodeControlResponse(null)).toHaveLength(0);
    const name = 'ä'.repeat(100);
    const length = Buffer.byteLength(name);
    expect(encodeControlResponse(name)).toEqual(
      Buffer.concat([
        Buffer.of(0x0a, length - 128 + 128, length >> 7),
        Buffer.from(name),
        Buffer.of(0x10, 1),
      ]),
    );
    expect(encodeControlResponse('m').toString('hex')).toBe('0a016d1001');
  });
});
