import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeInferRequest, type InferMessage } from '#naiad/grpc/codec/infer-request.js';
import { WireError } from '#naiad/wire/wire-error.js';
import { encodeRequest } from '../../support/infer-protos.js';
import { int32, simpleRequest } from '../../support/messages.js';

const decode = (message: object): InferMessage => decodeInferRequest(encodeRequest(message));
const decodeHex = (text: string): InferMessage =>
  decodeInferRequest(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** A length-delimited field with a number below 16, in hex. */
function field(number: number, ...parts: string[]): string {
  const content = parts.join('').replaceAll(' ', '');
  const length = content.length / 2;
  if (length > 127) throw new Error('one byte of length');
  return Buffer.from([number * 8 + 2, length]).toString('hex') + content;
}

const text = (number: number, content: string): string => field(number, Buffer.from(content).toString('hex'));

const anId = fc.string({ unit: 'binary', maxLength: 40 });
const aDim = fc.integer({ min: -1, max: 2 ** 40 });
const aCustomKey = anId.map((key) => `k${key}`);

/** A parameter as protobufjs takes it and as it ought to come out. */
const aParameter = fc.oneof(
  fc.boolean().map((value) => ({ field: { bool_param: value }, value })),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({
    field: { int64_param: String(value) },
    value,
  })),
  anId.map((value) => ({ field: { string_param: value }, value })),
  fc.double({ noNaN: true }).map((value) => ({ field: { double_param: value }, value })),
);

const aMessage = fc.record({
  modelName: anId,
  modelVersion: anId,
  id: anId,
  inputs: fc.array(
    fc.record({
      name: anId,
      datatype: anId,
      shape: fc.array(aDim, { maxLength: 8 }),
      data: fc.uint8Array({ maxLength: 300 }),
    }),
    { maxLength: 5 },
  ),
  outputs: fc.array(fc.record({ name: anId, classification: fc.nat() }), { maxLength: 4 }),
  custom: fc.dictionary(aCustomKey, aParameter, { noNullPrototype: true }),
  surplus: fc.array(fc.uint8Array({ maxLength: 10 }), { maxLength: 2 }),
});

describe('decodeInferRequest', () => {
  it('reads what protobufjs writes', () => {
    fc.assert(
      fc.property(aMessage, (sent) => {
        const { modelName, modelVersion, id, inputs, outputs, custom } = sent;
        const bytes = encodeRequest({
          model_name: modelName,
          model_version: modelVersion,
          id,
          parameters: Object.fromEntries(Object.entries(custom).map(([key, { field }]) => [key, field])),
          inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
          outputs: outputs.map(({ name, classification }) => ({
            name,
            parameters: classification === 0 ? {} : { classification: { int64_param: classification } },
          })),
          raw_input_contents: [...inputs.map(({ data }) => data), ...sent.surplus],
        });
        const message = decodeInferRequest(bytes);
        expect(message).toMatchObject({ modelName, modelVersion, id, outputs, madeBytes: 0 });
        expect(message.problems).toEqual({ parameters: null, outputs: null, payload: null });
        expect(message.inputs.map((input) => ({ ...input, data: Uint8Array.from(input.data) }))).toEqual(
          inputs.map((input) => ({ ...input, byteLength: input.data.length })),
        );
        expect(new Map(message.options.custom)).toEqual(
          new Map(Object.entries(custom).map(([key, { value }]) => [key, value])),
        );
      }),
    );
  });

  it('gives raw tensors as views on the message', () => {
    const bytes = encodeRequest(simpleRequest(5));
    for (const { data } of decodeInferRequest(bytes).inputs) {
      expect(data.buffer).toBe(bytes.buffer);
      expect(data.byteOffset).toBeGreaterThan(bytes.byteOffset);
    }
  });

  it('reads an empty message', () => {
    expect(decodeInferRequest(Buffer.alloc(0))).toMatchObject({ modelName: '', inputs: [], outputs: [] });
  });

  it('takes the last of a scalar, and skips fields it does not know', () => {
    const message = decodeHex(
      [text(1, 'old'), '80017f', text(15, 'unknown'), '7b 0801 7c', text(1, 'new'), '38 01'].join(''),
    );
    expect(message.modelName).toBe('new');
  });

  it('reads shapes packed, not packed, and mixed', () => {
    const input = field(5, text(1, 'x'), '18 01', field(3, '02 ffffffffffffffffff01'), '18 03');
    expect(decodeHex(input).inputs[0]?.shape).toEqual([1, 2, -1, 3]);
  });

  it('takes the last parameter of a key, and merges a value that comes twice', () => {
    const entry = (key: string, ...values: string[]): string =>
      field(4, text(1, key), ...values.map((value) => field(2, value)));
    const message = decodeHex(
      [
        entry('k', '10 07'),
        entry('k', text(3, 'last')),
        entry('twice', '10 09', ''),
        entry('choice', '10 09', '08 01'),
      ].join(''),
    );
    expect([...message.options.custom]).toEqual([
      ['k', 'last'],
      ['twice', 9n],
      ['choice', true],
    ]);
  });

  it('reads a map entry whose key or value is missing', () => {
    expect(decodeHex(field(4, field(2, '10 07'))).options.custom).toEqual(new Map([['', 7n]]));
    expect(decodeHex(field(4, text(1, 'k'))).problems.parameters?.message).toContain(
      "type for 'k' parameter",
    );
  });

  it.each([
    ['a truncated field', '0a 05 61', 'a field of 5 bytes has only 1 bytes left'],
    ['a name that is not UTF-8', '0a 01 ff', 'a string is not valid UTF-8'],
    ['an input that ends early', `2a 03 0a 05 61 ${'61'.repeat(8)}`, 'has only 1 bytes left'],
    ['field 0', '02 00', 'a field has the number 0'],
    ['an end of a group', '0c', 'a group ends that has not begun'],
    ['a dimension of 2^63 - 1', field(5, field(3, 'ffffffffffffffff7f')), 'a dimension is out of range'],
    ['65 dimensions', field(5, field(3, '01'.repeat(65))), 'a shape has more than 64 dimensions'],
    ['16385 inputs', '2a00'.repeat(16_385), 'more than 16384 inputs'],
    ['16385 outputs', '3200'.repeat(16_385), 'more than 16384 outputs'],
    ['16385 raw contents', '3a00'.repeat(16_385), 'more than 16384 raw_input_contents'],
    ['floats of 3 bytes', field(5, field(5, '32 03 010203')), 'not a multiple of 4'],
    ['integers without an end', field(5, field(5, '12 02 01ff')), 'a varint is cut off'],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(() => decodeHex(bytes)).toThrow(WireError);
    expect(() => decodeHex(bytes)).toThrow(reason);
  });

  describe('payload problems', () => {
    const contents = { int_contents: [1] };
    const problemOf = (inputs: object[], raw: Buffer[] = []): string | undefined =>
      decode({ model_name: 'm', inputs, raw_input_contents: raw }).problems.payload?.message;
    const input = (name: string, extra: object = {}): object => ({
      name,
      datatype: 'INT32',
      shape: [1],
      ...extra,
    });
    const RAW_AND_TYPED = (name: string): string =>
      `contents field must not be specified when using raw_input_contents for '${name}' for model 'm'`;
    const MISSING = (name: string): string =>
      `unable to find data for input tensor '${name}' for model 'm' in request.`;
    const NO_SIZE = { shared_memory_region: { string_param: 'r' } };
    const SHARED = { ...NO_SIZE, shared_memory_byte_size: { int64_param: 4 } };
    const SIZE_MISSING = (name: string): string =>
      `'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor '${name}'`;
    const SHARED_AND_TYPED = (name: string): string =>
      `unexpected 'content' provided when using shared memory for input tensor '${name}' for model 'm'`;

    it.each<[string, object[], Buffer[], string | undefined]>([
      ['raw for all', [input('a'), input('b')], [int32(1), int32(2)], undefined],
      ['contents for all', [input('a', { contents }), input('b', { contents })], [], undefined],
      ['raw for one of two', [input('a'), input('b')], [int32(1)], MISSING('b')],
      ['nothing at all', [input('a')], [], MISSING('a')],
      ['contents for one of two', [input('a', { contents }), input('b')], [], MISSING('b')],
      ['raw and contents', [input('a', { contents })], [int32(1)], RAW_AND_TYPED('a')],
      ['raw and empty contents', [input('a', { contents: {} })], [int32(1)], RAW_AND_TYPED('a')],
      ['raw, then contents', [input('a'), input('b', { contents })], [int32(1)], RAW_AND_TYPED('b')],
      ['shared memory', [input('a', { parameters: SHARED })], [], undefined],
      ['shared memory without a size', [input('a', { parameters: NO_SIZE })], [], SIZE_MISSING('a')],
      [
        'shared memory and contents',
        [input('a', { parameters: SHARED, contents: {} })],
        [],
        SHARED_AND_TYPED('a'),
      ],
      ['the first of two', [input('a'), input('b', { parameters: NO_SIZE })], [], MISSING('a')],
    ])('%s', (_what, inputs, raw, expected) => {
      expect(problemOf(inputs, raw)).toBe(expected);
    });

    it('gives raw contents to those inputs that are not in shared memory', () => {
      const { inputs, problems } = decode({
        model_name: 'm',
        inputs: [input('a', { parameters: SHARED }), input('b'), input('c', { parameters: SHARED })],
        raw_input_contents: [int32(7)],
      });
      const sharedMemory = { region: 'r', offset: 0, byteSize: 4 };
      expect(problems.payload).toBeNull();
      expect(inputs.map((got) => got.sharedMemory)).toEqual([sharedMemory, undefined, sharedMemory]);
      expect(inputs.map(({ byteLength }) => byteLength)).toEqual([4, 4, 4]);
      expect(inputs.map(({ data }) => Buffer.from(data))).toEqual([
        Buffer.alloc(0),
        int32(7),
        Buffer.alloc(0),
      ]);
    });

    it('ignores raw contents that no input takes', () => {
      const { inputs, problems } = decode({
        ...simpleRequest(),
        raw_input_contents: [1, 2, 3].map((i) => int32(i)),
      });
      expect(problems.payload).toBeNull();
      expect(inputs.map(({ data }) => Buffer.from(data))).toEqual([int32(1), int32(2)]);
    });
  });

  describe('output problems', () => {
    const REGION = { shared_memory_region: { string_param: 'r' } };
    const SHARED = { ...REGION, shared_memory_byte_size: { int64_param: 4 } };
    it.each<[string, object, string | undefined, number]>([
      ['no parameters', {}, undefined, 0],
      ['classification', { classification: { int64_param: 3 } }, undefined, 3],
      ['another parameter', { binary_data: { bool_param: true } }, undefined, 0],
      [
        'classification of a wrong type',
        { classification: { string_param: '3' } },
        "invalid value type for 'classification' parameter, expected int64_param",
        0,
      ],
      [
        'classification 0',
        { classification: { int64_param: 0 } },
        "invalid value for 'classification' parameter, expected >= 0",
        0,
      ],
      [
        'classification -1',
        { classification: { int64_param: -1 } },
        "invalid value for 'classification' parameter, expected >= 0",
        0,
      ],
      ['shared memory without a size', REGION, "'shared_memory_byte_size' must be specified", 0],
      [
        'shared memory without a size, and classification',
        { ...REGION, classification: { int64_param: 1 } },
        "'shared_memory_byte_size' must be specified",
        0,
      ],
      [
        'shared memory, and classification of a wrong type',
        { ...SHARED, classification: { bool_param: true } },
        "invalid value type for 'classification' parameter, expected int64_param",
        0,
      ],
      [
        'classification and shared memory',
        { ...SHARED, classification: { int64_param: 1 } },
        "output can't set both 'shared_memory_region' and 'classification'",
        0,
      ],
    ])('%s', (_what, parameters, expected, classification) => {
      const message = decode({ model_name: 'm', outputs: [{ name: 'o', parameters }] });
      if (expected === undefined) expect(message.problems.outputs).toBeNull();
      else expect(message.problems.outputs?.message).toContain(expected);
      expect(message.outputs).toEqual([{ name: 'o', classification }]);
    });

    it('knows where in shared memory an output is to be written', () => {
      const { outputs, problems } = decode({
        model_name: 'm',
        outputs: [{ name: 'o', parameters: { ...SHARED, shared_memory_offset: { int64_param: 8 } } }],
      });
      expect(problems.outputs).toBeNull();
      expect(outputs).toEqual([
        { name: 'o', classification: 0, sharedMemory: { region: 'r', offset: 8, byteSize: 4 } },
      ]);
    });

    it('keeps problems of different parts apart', () => {
      const { problems } = decode({
        model_name: 'm',
        parameters: { timeout: { string_param: 'x' } },
        inputs: [{ name: 'a' }],
        outputs: [{ name: 'o', parameters: { classification: { int64_param: 0 } } }],
      });
      expect(problems.parameters?.message).toContain("'timeout'");
      expect(problems.payload?.message).toContain('unable to find data');
      expect(problems.outputs?.message).toContain("'classification'");
    });
  });
});
