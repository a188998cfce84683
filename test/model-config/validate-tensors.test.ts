import { describe, expect, it } from 'vitest';
import type { InstanceGroupMessage, ModelInputMessage } from '#naiad/model-config/message.js';
import { validateTensors, validateUnique } from '#naiad/model-config/validate-io.js';
import { aConfig, anInput, anOutput, problemLines } from './builders.js';

function validateInput(overrides: Partial<ModelInputMessage>, max = 8): string[] {
  return problemLines(validateTensors(aConfig({ max_batch_size: max, input: [anInput(overrides)] }), false));
}

const reshape = (dims: number[], shape: number[]) => ({ dims, reshape: { shape } });

describe('inputs and outputs by themselves', () => {
  it.each<[string, Partial<ModelInputMessage>, number]>([
    ['fixed and variable dims', { dims: [1, -1, 3] }, 8],
    ['a reshape', reshape([6], [2, 3]), 8],
    ['a reshape to a scalar', reshape([1], []), 8],
    ['a reshape to a scalar without batches', reshape([1, 1], []), 0],
    ['a variable reshape', reshape([2, -1, 6], [1, 2, -1, 3, 2]), 8],
    ['a picture', { format: 'FORMAT_NCHW', dims: [3, 8, 8] }, 8],
    ['a picture with its batch dimension', { format: 'FORMAT_NCHW', dims: [-1, 3, 8, 8] }, 0],
  ])('may have %s', (_, overrides, max) => {
    expect(validateInput(overrides, max)).toEqual([]);
  });

  const dimRule = 'must be integer >= 1, or -1 to indicate a variable-size dimension for m';
  it.each<[string, Partial<ModelInputMessage>, number, string]>([
    ['no name', { name: '' }, 8, "error input.0: model input must specify 'name' for m"],
    [
      'no type',
      { data_type: 'TYPE_INVALID' },
      8,
      "error input.0.data_type: model input 'X' must specify 'data_type' for m",
    ],
    ['no dims', { dims: [] }, 8, "error input.0.dims: model input 'X' must specify 'dims' for m"],
    ['a dim of 0', { dims: [0] }, 8, `error input.0.dims: model input 'X' dimension ${dimRule}`],
    ['a dim of -2', { dims: [4, -2] }, 8, `error input.0.dims: model input 'X' dimension ${dimRule}`],
    [
      'a reshape to 0',
      reshape([4], [0]),
      8,
      `error input.0.reshape: model input 'X' reshape dimensions ${dimRule}`,
    ],
    [
      'another size',
      reshape([16], [3]),
      8,
      "error input.0.reshape: model input 'X' has different size for dims and reshape for m",
    ],
    [
      'an empty reshape of more',
      reshape([2], []),
      8,
      "error input.0.reshape: model input 'X' has different size for dims and reshape for m",
    ],
    [
      'a fixed reshape of any size',
      reshape([-1], [4]),
      8,
      "error input.0.reshape: model input 'X' has different size for dims and reshape for m",
    ],
    [
      'other chunks',
      reshape([2, -1, 6], [2, 6, -1]),
      8,
      "error input.0.reshape: model input 'X' has different size for dims and reshape for m",
    ],
    [
      'more variable dims',
      reshape([-1], [-1, -1]),
      8,
      "error input.0.reshape: model input 'X' has different number of variable-size dimensions for dims and reshape for m",
    ],
    [
      'a format for two dims',
      { format: 'FORMAT_NHWC', dims: [8, 8] },
      8,
      "error input.0.format: model input 'X' NHWC/NCHW require 3 dims for m",
    ],
    [
      'a format for four dims',
      { format: 'FORMAT_NHWC', dims: [1, 8, 8, 3] },
      8,
      "error input.0.format: model input 'X' NHWC/NCHW require 3 dims for m",
    ],
  ])('may not have %s', (_, overrides, max, message) => {
    expect(validateInput(overrides, max)).toEqual([message]);
  });

  it('must be there', () => {
    expect(problemLines(validateTensors(aConfig({ input: [], output: [] }), false))).toEqual([
      "error : must specify at least one 'input' for m",
      "error : must specify at least one 'output' for m",
    ]);
  });

  it('must be there once', () => {
    const twice = aConfig({ input: [anInput(), anInput()], output: [anOutput(), anOutput({ name: 'X' })] });
    expect(problemLines(validateUnique(twice))).toEqual([
      "error input.1.name: model input 'X' is given twice for m",
    ]);
  });
});

describe('instance groups', () => {
  const group = (overrides: Partial<InstanceGroupMessage>): InstanceGroupMessage => ({
    name: 'm_0',
    kind: 'KIND_CPU',
    count: 1,
    gpus: [],
    secondary_devices: [],
    profile: [],
    passive: false,
    host_policy: '',
    ...overrides,
  });
  const validate = (overrides: Partial<InstanceGroupMessage>, gpu: boolean): string[] =>
    problemLines(validateTensors(aConfig({ instance_group: [group(overrides)] }), gpu));

  it('run where they can', () => {
    expect(validate({}, false)).toEqual([]);
    expect(validate({ kind: 'KIND_GPU', gpus: [0] }, true)).toEqual([]);
    expect(validate({ kind: 'KIND_GPU' }, false)).toEqual([
      'error instance_group.0.kind: instance group m_0 of model m has kind KIND_GPU but no GPUs are available',
    ]);
    expect(validate({ gpus: [0] }, true)).toEqual([
      'error instance_group.0.gpus: instance group m_0 of model m has kind KIND_CPU but specifies one or more GPUs',
    ]);
  });
});
