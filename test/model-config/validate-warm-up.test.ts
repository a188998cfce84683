import { describe, expect, it } from 'vitest';
import { formatFinding } from '#naiad/model-config/findings.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { toFindings } from '#naiad/model-config/problem.js';
import { validateTensors } from '#naiad/model-config/validate-io.js';
import { validateWarmUp } from '#naiad/model-config/validate-warm-up.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { problemLines } from './builders.js';

/** X is INT32[4], at most 8 rows. */
const MODEL = `name: "m" backend: "onnxruntime" max_batch_size: 8
input { name: "X" data_type: TYPE_INT32 dims: [ 4 ] }
output { name: "Y" data_type: TYPE_INT32 dims: [ 4 ] }
`;

function parse(text: string) {
  const parsed = parseConfig('pbtxt', text, 'config.pbtxt');
  expect(parsed.findings).toEqual([]);
  return parsed;
}

const found = (text: string): string[] => problemLines(validateWarmUp(parse(text).config));

/** `model_warmup { ... }` of a sample `w` with one row. */
function warmup(inputs: string, fields = ''): string {
  return `model_warmup { name: "w" batch_size: 1 ${fields} ${inputs} }`;
}

function input(name: string, value: string): string {
  return `inputs { key: "${name}" value { ${value} } }`;
}

const GOOD = input('X', 'data_type: TYPE_INT32 dims: [ 4 ] zero_data: true');
const NOTE = /NOTE: Setting a non-zero max_batch_size .* max_batch_size\./;

describe('warm-up samples', () => {
  it.each([
    ['zeros', MODEL + warmup(GOOD)],
    ['zeros by their presence', MODEL + warmup(GOOD.replace('zero_data: true', 'zero_data: false'))],
    ['random data', MODEL + warmup(GOOD.replace('zero_data', 'random_data'))],
    ['a file', MODEL + warmup(GOOD.replace('zero_data: true', 'input_data_file: "f"'))],
    ['the largest batch', MODEL + warmup(GOOD).replace('batch_size: 1', 'batch_size: 8')],
    ['the most runs', MODEL + warmup(GOOD, `count: ${LIMITS.warmUpRunsMax}`)],
    ['several samples of a name', MODEL + warmup(GOOD) + warmup(GOOD)],
    ['a fixed size of a variable input', MODEL.replace('[ 4 ]', '[ -1 ]') + warmup(GOOD)],
    ['no elements', MODEL.replace('[ 4 ]', '[ -1 ]') + warmup(GOOD.replace('[ 4 ]', '[ 0 ]'))],
    ['no optional input', `${MODEL}input { name: "Z" optional: true dims: [ 4 ] }${warmup(GOOD)}`],
    ['a model without batches', MODEL.replace('max_batch_size: 8', 'max_batch_size: 0') + warmup(GOOD)],
    ['dims before a reshape', MODEL.replace('[ 4 ]', '[ 4 ] reshape { shape: [ 2, 2 ] }') + warmup(GOOD)],
    [
      'anything in a sample of no rows',
      MODEL + warmup(input('NOPE', 'dims: [ -1 ]')).replace('batch_size: 1', 'batch_size: 0'),
    ],
  ])('may have %s', (_, text) => {
    expect(found(text)).toEqual([]);
  });

  // The texts of a real Triton, where it has one.
  it.each([
    [
      'an input that is missing',
      `${MODEL}input { name: "Z" data_type: TYPE_INT32 dims: [ 4 ] }${warmup(GOOD)}`,
      "inputs: [request id: <id_unknown>] expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['X'], but missing required input(s) ['Z']. Please provide all required input(s).",
    ],
    [
      'an input of another name in its place',
      MODEL + warmup(GOOD.replace('"X"', '"NOPE"')),
      "inputs: [request id: <id_unknown>] expected 1 inputs but got 0 inputs for model 'm'. Got input(s) [], but missing required input(s) ['X']. Please provide all required input(s).",
    ],
    [
      'no inputs',
      MODEL + warmup(''),
      "inputs: [request id: <id_unknown>] expected 1 inputs but got 0 inputs for model 'm'. Got input(s) [], but missing required input(s) ['X']. Please provide all required input(s).",
    ],
    [
      'an input too many',
      MODEL + warmup(GOOD + GOOD.replace('"X"', '"constructor"')),
      "inputs.constructor: unexpected inference input 'constructor' for model 'm'",
    ],
    [
      'another datatype',
      MODEL + warmup(GOOD.replace('INT32', 'FP32')),
      "inputs.X.data_type: [request id: <id_unknown>] inference input 'X' data-type is 'FP32', but model 'm' expects 'INT32'",
    ],
    [
      'no datatype',
      MODEL + warmup(GOOD.replace('data_type: TYPE_INT32', '')),
      "inputs.X.data_type: [request id: <id_unknown>] inference input 'X' data-type is '<invalid>', but model 'm' expects 'INT32'",
    ],
    [
      'no data',
      MODEL + warmup(GOOD.replace('zero_data: true', '')),
      "inputs.X: [request id: <id_unknown>] warmup setting expects input 'X' to have input_data_type set",
    ],
    [
      'a dim of any size',
      MODEL.replace('[ 4 ]', '[ -1 ]') + warmup(GOOD.replace('[ 4 ]', '[ -1 ]')),
      "inputs.X.dims: warmup setting expects all variable-size dimensions are specified for input 'X'",
    ],
    [
      'other dims',
      MODEL + warmup(GOOD.replace('[ 4 ]', '[ 5 ]')),
      "inputs.X.dims: [request id: <id_unknown>] unexpected shape for input 'X' for model 'm'. Expected [-1,4], got [1,5]. NOTE",
    ],
    [
      'more dims',
      MODEL + warmup(GOOD.replace('[ 4 ]', '[ 2, 2 ]')),
      "inputs.X.dims: [request id: <id_unknown>] unexpected shape for input 'X' for model 'm'. Expected [-1,4], got [1,2,2]. NOTE",
    ],
    [
      'no dims',
      MODEL + warmup(GOOD.replace('dims: [ 4 ]', '')),
      "inputs.X.dims: [request id: <id_unknown>] unexpected shape for input 'X' for model 'm'. Expected [-1,4], got [1]. NOTE",
    ],
    [
      'other dims without batches',
      MODEL.replace('max_batch_size: 8', '') + warmup(GOOD.replace('[ 4 ]', '[ 5 ]')),
      "inputs.X.dims: [request id: <id_unknown>] unexpected shape for input 'X' for model 'm'. Expected [4], got [5]. ",
    ],
    [
      'too many rows',
      MODEL + warmup(GOOD).replace('batch_size: 1', 'batch_size: 9'),
      "batch_size: failed to run warmup sample 'w': batch size 9 for 'm', max allowed is 8; ",
    ],
    [
      'rows of a model without batches',
      MODEL.replace('max_batch_size: 8', '') + warmup(GOOD).replace('batch_size: 1', 'batch_size: 2'),
      "batch_size: failed to run warmup sample 'w': batch size 2 for 'm', max allowed is 0; ",
    ],
    [
      'too many runs',
      MODEL + warmup(GOOD, 'count: 100001'),
      "count: warmup sample 'w' has count 100001, the limit is 100000",
    ],
    [
      'too many strings',
      MODEL.replace('INT32 dims: [ 4 ]', 'STRING dims: [ -1 ]') +
        warmup(input('X', 'data_type: TYPE_STRING dims: [ 4194305 ] zero_data: true')),
      "inputs.X.dims: [request id: <id_unknown>] inference input 'X' for model 'm' has more than 4194304 string elements, the most that are taken",
    ],
  ])('are refused for %s', (_, text, expected) => {
    expect(found(text).map((line) => line.replace(NOTE, 'NOTE'))).toEqual([
      `error model_warmup.0.${expected}`,
    ]);
  });

  it('may not take more than a queue holds', () => {
    const text = MODEL.replace('[ 4 ]', '[ -1 ]') + warmup(GOOD.replace('[ 4 ]', '[ 33554432 ]'));
    expect(found(text)).toEqual([]);
    expect(found(text.replace('batch_size: 1', 'batch_size: 8'))).toEqual([]);
    expect(found(text.replace('33554432', '33554433').replace('batch_size: 1', 'batch_size: 8'))).toEqual([
      "error model_warmup.0: warmup sample 'w' takes 1073741856 bytes, the limit is 1073741824",
    ]);
  });

  it('tell all their mistakes at once, each with its line', () => {
    const { config, locate } = parse(`${MODEL}model_warmup [
  { name: "a" batch_size: 9
    inputs {
      key: "X"
      value { data_type: TYPE_FP32
        dims: [ 5 ] } } },
  { name: "b" batch_size: 1 inputs { key: "Z" value { } } }
]`);
    const findings = toFindings(validateWarmUp(config), 'config.pbtxt', locate).map(formatFinding);
    expect(findings).toEqual([
      expect.stringMatching(/^config\.pbtxt:5: failed to run warmup sample 'a': batch size 9/),
      expect.stringMatching(/^config\.pbtxt:6: .* to have input_data_type set$/),
      expect.stringMatching(/^config\.pbtxt:8: .* data-type is 'FP32'/),
      expect.stringMatching(/^config\.pbtxt:9: .* unexpected shape/),
      expect.stringMatching(/^config\.pbtxt:10: .* expected 1 inputs but got 0/),
    ]);
  });

  it('are looked at with the inputs, once these are right', () => {
    const bad = MODEL + warmup('');
    expect(problemLines(validateTensors(parse(bad).config, false))).toEqual([
      expect.stringMatching(/^error model_warmup\.0\.inputs: /),
    ]);
    expect(problemLines(validateTensors(parse(bad.replace('[ 4 ]', '[ 0 ]')).config, false))).toEqual([
      expect.stringMatching(/^error input\.0\.dims: /),
    ]);
  });
});

describe('warmup.auto', () => {
  const auto = (value: string, text: string): string[] =>
    found(`${text} parameters { key: "warmup.auto" value { string_value: "${value}" } }`);
  const open = MODEL.replace('[ 4 ]', '[ -1, 4 ]');
  const warning =
    "warning parameters.warmup.auto.string_value: parameter 'warmup.auto' has no effect: input 'X' has variable dims [-1,4]; give samples with fixed dims in 'model_warmup'";

  it('needs inputs of fixed size', () => {
    expect(auto('1', MODEL)).toEqual([]);
    expect(auto('true', open)).toEqual([warning]);
    expect(auto('TRUE', `${open} input { name: "Z" dims: [ 4, -1 ] }`)).toEqual([
      warning,
      expect.stringContaining("input 'Z' has variable dims [4,-1]"),
    ]);
  });

  it('does without optional inputs', () => {
    expect(auto('1', open.replace('dims:', 'optional: true dims:'))).toEqual([]);
  });

  it('says nothing when it is off', () => {
    for (const value of ['0', 'false', 'maybe']) expect(auto(value, open)).toEqual([]);
  });

  it('takes the size of a picture', () => {
    const picture = `name: "m" input { name: "X" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ -1, 3, 8, 8 ] }`;
    expect(auto('1', picture)).toEqual([]);
    expect(auto('1', picture.replace('FORMAT_NCHW', 'FORMAT_NONE'))).toHaveLength(1);
  });
});
