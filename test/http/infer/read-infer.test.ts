import { describe, expect, it } from 'vitest';
import type { JsonProblem, JsonRequest } from '#naiad/http/infer/json-request.js';
import { readGenerateRequest } from '#naiad/http/infer/read-generate.js';
import { readInferRequest } from '#naiad/http/infer/read-infer.js';
import { LIMITS } from '#naiad/settings/limits.js';
import type { Datatype } from '#naiad/tensor/datatype.js';

const read = (text: string): JsonRequest => readInferRequest(Buffer.from(text));

/** A request with one input, whose members may be others. */
function aRequest(changes: Record<string, unknown> = {}, rest: Record<string, unknown> = {}): string {
  const input = { name: 'IN', datatype: 'INT32', shape: [1, 2], data: [1, 2], ...changes };
  return JSON.stringify({ inputs: [input], ...rest });
}

const inputs = (changes: Record<string, unknown>): string => aRequest({ data: undefined, ...changes });
const output = (changes: Record<string, unknown>): string =>
  aRequest({}, { outputs: [{ name: 'OUT', ...changes }] });
const parameters = (text: string): string => `{"inputs":[],"parameters":{${text}}}`;

const PARSE = 'failed to parse the request JSON buffer: ';
const ONE_SOURCE =
  "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But ";
const notA = (member: string, kind: string): string =>
  `Unable to parse '${member}': attempt to access JSON non-${kind} as ${kind}`;
const missing = (member: string): string =>
  `Unable to parse '${member}': attempt to access non-existing object member '${member}'`;
const SHAPE = "Unable to parse 'data': Shape does not match true shape of 'data' field";

describe('readInferRequest', () => {
  it('reads all that a request can hold', () => {
    const request = read(
      `{"id":"7","parameters":{"sequence_id":4,"priority":2,"x":1.5,"big":18446744073709551615},
        "unknown":[{"deep":[]}],
        "inputs":[{"data":[[1],[2]],"shape":[2,1],"datatype":"INT8","name":"A","extra":{}},
          {"name":"B","datatype":"FP16","shape":[3],"parameters":{"binary_data_size":6}},
          {"name":"C","datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r","shared_memory_offset":8,"shared_memory_byte_size":4}}],
        "outputs":[{"name":"O","parameters":{"binary_data":true,"classification":3}},{"name":"P"},
          {"name":"Q","parameters":{"shared_memory_region":"s","shared_memory_byte_size":4,"binary_data":false}}]}`,
    );
    expect(request).toEqual({
      id: '7',
      parameters: new Map([
        ['sequence_id', { kind: 'int64', value: 4n }],
        ['priority', { kind: 'uint64', value: 2n }],
        ['x', { kind: 'double', value: 1.5 }],
        ['big', { kind: 'double', value: 2 ** 64 }],
      ]),
      inputs: [
        { name: 'A', datatype: 'INT8', shape: [2, 1], source: { kind: 'json', data: Buffer.from([1, 2]) } },
        { name: 'B', datatype: 'FP16', shape: [3], source: { kind: 'binary', byteSize: 6 } },
        {
          name: 'C',
          datatype: 'FP32',
          shape: [1],
          source: { kind: 'shared', ref: { region: 'r', offset: 8, byteSize: 4 } },
        },
      ],
      outputs: [
        { name: 'O', classification: 3, binary: true, shared: null },
        { name: 'P', classification: 0, binary: null, shared: null },
        { name: 'Q', classification: 0, binary: false, shared: { region: 's', offset: 0, byteSize: 4 } },
      ],
      problem: null,
    });
  });

  it('takes the first of members with one name', () => {
    const text =
      '{"inputs":[{"name":"A","name":"B","datatype":"INT8","shape":[1],"data":[1],"data":[2,3]}],"inputs":[],"id":"x","id":"y"}';
    expect(read(text)).toMatchObject({
      id: 'x',
      inputs: [{ name: 'A', source: { data: Buffer.from([1]) } }],
      problem: null,
    });
  });

  it.each<[string, string, string, JsonProblem['stage']?]>([
    ['no JSON', '{bad', `${PARSE}Missing a name for object member. at 1`],
    ['no object', '[]', missing('inputs')],
    ['no inputs', '{}', missing('inputs')],
    ['inputs of another kind', '{"inputs":{}}', notA('inputs', 'array')],
    ['an id of another kind', '{"inputs":[],"id":5}', notA('id', 'string')],
    [
      'parameters of another kind',
      '{"inputs":[],"parameters":5}',
      'failed to get request params.attempt to get members for non-object',
    ],
    [
      'a parameter that is an array',
      parameters('"a":[1]'),
      "parameter 'a' has invalid type. It should be either 'int', 'bool', or 'string'.",
    ],
    [
      'a parameter that is null',
      parameters('"a":null'),
      "parameter 'a' has invalid type. It should be either 'int', 'bool', or 'string'.",
    ],
    [
      'a reserved parameter',
      parameters('"triton_x":1'),
      "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
    ],
    ['a negative sequence id', parameters('"sequence_id":-1'), notA('sequence_id', 'string')],
    ['a sequence id with a point', parameters('"sequence_id":1.5'), notA('sequence_id', 'string')],
    ['a start that is a number', parameters('"sequence_start":1'), notA('sequence_start', 'boolean')],
    ['a negative priority', parameters('"priority":-1'), notA('priority', 'unsigned-integer')],
    ['a timeout that is a text', parameters('"timeout":"5"'), notA('timeout', 'unsigned-integer')],
    [
      'binary output that is a number',
      parameters('"binary_data_output":1'),
      notA('binary_data_output', 'boolean'),
    ],
    ['an input that is no object', '{"inputs":[1]}', `${ONE_SOURCE}no field is set`, 'payload'],
    ['no data', inputs({}), `${ONE_SOURCE}no field is set`, 'payload'],
    [
      'a size without a region',
      inputs({ parameters: { shared_memory_byte_size: 4 } }),
      `${ONE_SOURCE}no field is set`,
      'payload',
    ],
    [
      'data twice',
      aRequest({ parameters: { binary_data_size: 8 } }),
      `${ONE_SOURCE}set 'data' 'binary_data_size'`,
      'payload',
    ],
    [
      'data and a region',
      aRequest({ parameters: { shared_memory_region: 'r' } }),
      `${ONE_SOURCE}set 'data' 'shared_memory_region'`,
      'payload',
    ],
    ['no name', aRequest({ name: undefined }), missing('name'), 'payload'],
    ['a name that is a number', aRequest({ name: 1 }), notA('name', 'string'), 'payload'],
    ['no datatype', aRequest({ datatype: undefined }), missing('datatype'), 'payload'],
    ['no shape', aRequest({ shape: undefined }), missing('shape'), 'payload'],
    ['a shape that is a number', aRequest({ shape: 1 }), notA('shape', 'array'), 'payload'],
    ['a negative dimension', aRequest({ shape: [-1, 2] }), notA('shape', 'unsigned-integer'), 'payload'],
    ['a dimension with a point', aRequest({ shape: [1.5, 2] }), notA('shape', 'unsigned-integer'), 'payload'],
    ['a datatype that is none', aRequest({ datatype: 'NOPE' }), 'invalid datatype for input IN', 'payload'],
    [
      'halves',
      aRequest({ datatype: 'FP16' }),
      'receiving FP16 data via JSON is not supported. Please use the binary data format for input IN',
      'payload',
    ],
    [
      'brain floats',
      aRequest({ datatype: 'BF16' }),
      'receiving BF16 data via JSON is not supported. Please use the binary data format for input IN',
      'payload',
    ],
    ['data of another kind', aRequest({ data: 1 }), notA('data', 'array'), 'payload'],
    ['too few elements', aRequest({ data: [1] }), SHAPE, 'payload'],
    ['too many elements', aRequest({ data: [[1, 2], 3] }), SHAPE, 'payload'],
    ['a shape that no memory holds', aRequest({ shape: [99999999999, 99999999999] }), SHAPE, 'payload'],
    ['texts for integers', aRequest({ data: ['1', '2'] }), notA('data', 'signed-integer'), 'payload'],
    [
      'texts for unsigned integers',
      aRequest({ datatype: 'UINT8', data: ['1', '2'] }),
      notA('data', 'unsigned-integer'),
      'payload',
    ],
    ['numbers for booleans', aRequest({ datatype: 'BOOL' }), notA('data', 'boolean'), 'payload'],
    ['null for a float', aRequest({ datatype: 'FP32', data: [1, null] }), notA('data', 'double'), 'payload'],
    [
      'numbers for texts',
      aRequest({ datatype: 'BYTES' }),
      'Unable to parse JSON bytes array: attempt to access JSON non-string as string',
      'payload',
    ],
    [
      'an integer too large',
      aRequest({ datatype: 'INT8', data: [1, 300] }),
      "Unable to parse 'data': element 1 of input 'IN' is 300, which INT8 can't hold",
      'payload',
    ],
    [
      'a size that is a text',
      inputs({ parameters: { binary_data_size: '8' } }),
      notA('binary_data_size', 'unsigned-integer'),
      'payload',
    ],
    [
      'a region that is a number',
      inputs({ parameters: { shared_memory_region: 1 } }),
      notA('shared_memory_region', 'string'),
      'payload',
    ],
    [
      'a region without a size',
      inputs({ parameters: { shared_memory_region: 'r' } }),
      "'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor 'IN'",
      'payload',
    ],
    [
      'a negative offset',
      inputs({ parameters: { shared_memory_region: 'r', shared_memory_offset: -1 } }),
      notA('shared_memory_offset', 'unsigned-integer'),
      'payload',
    ],
    ['outputs of another kind', aRequest({}, { outputs: null }), notA('outputs', 'array'), 'outputs'],
    ['an output without a name', aRequest({}, { outputs: [{}] }), missing('name'), 'outputs'],
    [
      'binary data that are a number',
      output({ parameters: { binary_data: 1 } }),
      notA('binary_data', 'boolean'),
      'outputs',
    ],
    [
      'negative classes',
      output({ parameters: { classification: -1 } }),
      "Unable to set 'classification': attempt to access JSON non-unsigned-integer as unsigned-integer",
      'outputs',
    ],
    [
      'classes in shared memory',
      output({ parameters: { classification: 1, shared_memory_region: 'r' } }),
      "Output can't set both 'shared_memory_region' and 'classification'",
      'outputs',
    ],
    [
      'binary data in shared memory',
      output({ parameters: { binary_data: true, shared_memory_region: 'r' } }),
      "Output can't set both 'shared_memory_region' and 'binary_data'",
      'outputs',
    ],
  ])('%s', (_what, text, problem, stage = 'parameters') => {
    expect(read(text).problem).toEqual({ stage, code: 'INVALID_ARGUMENT', text: problem });
  });

  it.each([
    ['inputs', `{"inputs":[${'1,'.repeat(LIMITS.requestItemsMax)}1]}`],
    ['outputs', `{"inputs":[],"outputs":[${'1,'.repeat(LIMITS.requestItemsMax)}1]}`],
    ['dimensions', aRequest({ shape: new Array(LIMITS.rankMax + 1).fill(1) })],
    ['bytes', aRequest({ name: 'n'.repeat(LIMITS.nameBytesMax + 1) })],
  ])('bounds its %s', (_what, text) => {
    expect(read(text).problem).toMatchObject({ text: expect.stringContaining('more than') });
  });
});

describe('readGenerateRequest', () => {
  const tensor = (shape: readonly number[], datatype: Datatype = 'INT8') => [{ name: 'IN', datatype, shape }];
  const generate = (text: string, tensors = tensor([-1])): JsonRequest =>
    readGenerateRequest(Buffer.from(text), tensors);

  it('takes members that are no tensors as parameters', () => {
    const request = generate(
      '{"IN":[1,2],"id":"g","triton_x":1,"a":5,"b":"s","parameters":{"c":true,"a":6}}',
    );
    expect(request).toMatchObject({ id: 'g', problem: null });
    expect(request.parameters).toEqual(
      new Map<string, unknown>([
        ['a', { kind: 'int64', value: 5n }],
        ['b', { kind: 'string', value: 's' }],
        ['c', { kind: 'bool', value: true }],
      ]),
    );
    expect(request.inputs).toEqual([
      { name: 'IN', datatype: 'INT8', shape: [2], source: { kind: 'json', data: Buffer.from([1, 2]) } },
    ]);
  });

  it.each<[string, readonly number[], readonly number[]]>([
    ['1', [-1, -1], [1, 1]],
    ['[1,2]', [-1, -1], [1, 2]],
    ['[]', [-1, -1], [1, 0]],
    ['[1,2,3,4]', [2, -1], [2, 2]],
    ['[]', [2, -1], [2, 0]],
    ['[1,2,3,4]', [-1, 2, -1], [1, 2, 2]],
    ['[1,2,3,4]', [-1, 2], [2, 2]],
    ['5', [], []],
    ['[5]', [1, 1], [1, 1]],
  ])('%s for %j has shape %j', (data, dims, shape) => {
    expect(generate(`{"IN":${data}}`, tensor(dims))).toMatchObject({ problem: null, inputs: [{ shape }] });
  });

  it.each<[string, readonly number[]]>([
    ['1', [2, -1]],
    ['[1,2,3]', [2, -1]],
    ['[1,2]', [3]],
    ['[1,2]', []],
  ])('%s does not fit %j', (data, dims) => {
    expect(generate(`{"IN":${data}}`, tensor(dims)).problem).toEqual({
      stage: 'payload',
      code: 'INVALID_ARGUMENT',
      text: "The schema can not convert input 'IN' to tensor with proper shape",
    });
  });

  it.each([
    ['[]', 'attempt to get members for non-object'],
    ['', `${PARSE}The document is empty. at 0`],
    ['{"id":5}', notA('id', 'string')],
    ['{"a":{"x":1}}', "parameter 'a' has invalid type. It should be either 'int', 'bool', or 'string'."],
    [
      '{"parameters":5}',
      "Expected JSON object for keyword: 'parameters': attempt to access JSON non-object as object",
    ],
    ['{"IN":"x"}', notA('data', 'signed-integer')],
    ['{"IN":{}}', notA('data', 'signed-integer')],
  ])('%s', (text, problem) => {
    expect(generate(text).problem?.text).toBe(problem);
  });

  it('makes no more of a tensor that is there many times than is needed to refuse it', () => {
    const { inputs } = generate(`{${Array(1000).fill('"IN":1').join()}}`);
    expect(inputs.map(({ name }) => name)).toEqual(['IN', 'IN']);
  });
});
