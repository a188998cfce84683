import { describe, expect, it } from 'vitest';
import { autoComplete } from '#naiad/model-config/auto-complete.js';
import { emptyConfig } from '#naiad/model-config/parsed-config.js';
import { aConfig, aDescription, anInput, anOutput, aTensor, problemLines } from './builders.js';

const fresh = { ...emptyConfig(), name: 'm', backend: 'onnxruntime' };
const fixed = aDescription({
  inputs: [aTensor({ shape: [3, 2] })],
  outputs: [aTensor({ name: 'Y', shape: [3, 2] })],
});

describe('auto-completion', () => {
  it('takes everything from a model with a batch dimension', () => {
    const description = aDescription({
      inputs: [
        aTensor({ shape: [-1, 3, -1], datatype: 'INT64' }),
        aTensor({ name: 'X2', datatype: 'BYTES' }),
      ],
    });
    const { config, problems } = autoComplete(fresh, description);
    expect(problems).toEqual([]);
    expect(config.max_batch_size).toBe(4);
    expect(config.dynamic_batching).toMatchObject({ preferred_batch_size: [], preserve_ordering: false });
    expect(config.input).toEqual([
      anInput({ data_type: 'TYPE_INT64', dims: [3, -1] }),
      anInput({ name: 'X2', data_type: 'TYPE_STRING' }),
    ]);
    expect(config.output).toEqual([anOutput()]);
  });

  it('takes shapes as they are from a model without one', () => {
    const { config } = autoComplete(fresh, fixed);
    expect(config).toMatchObject({
      max_batch_size: 0,
      input: [{ dims: [3, 2] }],
      output: [{ dims: [3, 2] }],
    });
    expect(config.dynamic_batching).toBeUndefined();
  });

  it('needs the batch dimension on all inputs and outputs', () => {
    const mixed = aDescription({ outputs: [aTensor({ name: 'Y', shape: [4] })] });
    expect(autoComplete(fresh, mixed).config).toMatchObject({
      max_batch_size: 0,
      input: [{ dims: [-1, 4] }],
    });
    const scalar = aDescription({ outputs: [aTensor({ name: 'Y', shape: [] })] });
    expect(autoComplete(fresh, scalar).config.max_batch_size).toBe(0);
  });

  it.each([
    [1, undefined],
    [2, expect.anything()],
    [16, expect.anything()],
  ])('keeps max_batch_size %i', (max, batching) => {
    const { config } = autoComplete({ ...fresh, max_batch_size: max }, aDescription());
    expect(config.max_batch_size).toBe(max);
    expect(config.dynamic_batching).toEqual(batching);
  });

  it('keeps the scheduler that is given', () => {
    const given = { ...fresh, sequence_batching: {} };
    expect(autoComplete(given, aDescription()).config.dynamic_batching).toBeUndefined();
  });

  it('turns scalars into reshaped elements', () => {
    const { config } = autoComplete(
      fresh,
      aDescription({ inputs: [aTensor({ shape: [-1] })], outputs: [aTensor({ name: 'Y', shape: [-1] })] }),
    );
    expect(config.input).toEqual([anInput({ dims: [1], reshape: { shape: [] } })]);
    expect(config.output).toEqual([anOutput({ dims: [1], reshape: { shape: [] } })]);
  });

  it('refuses a batch size for a model without batch dimension', () => {
    const { problems } = autoComplete({ ...fresh, max_batch_size: 8 }, fixed);
    expect(problemLines(problems)).toEqual([
      "error max_batch_size: autofill failed for model 'm': model does not support batching while non-zero max_batch_size is specified",
    ]);
  });

  it('leaves a complete configuration as it is, whatever the model says', () => {
    const config = aConfig({ max_batch_size: 0 });
    expect(autoComplete(config, aDescription()).config).toBe(config);
  });

  it('keeps what a tensor has and adds what it lacks', () => {
    const given = {
      ...fresh,
      input: [anInput({ data_type: 'TYPE_INVALID', dims: [], format: 'FORMAT_NCHW' })],
      output: [anOutput({ data_type: 'TYPE_INVALID', dims: [2], label_filename: 'l.txt' })],
    };
    const description = aDescription({
      inputs: [aTensor({ shape: [-1, 3, 8, 8] }), aTensor({ name: 'X2' })],
    });
    const { config } = autoComplete(given, description);
    expect(config.max_batch_size).toBe(4);
    expect(config.input).toEqual([
      anInput({ dims: [3, 8, 8], format: 'FORMAT_NCHW' }),
      // A sketchy list of inputs stands for all of them.
      anInput({ name: 'X2' }),
    ]);
    expect(config.output).toEqual([anOutput({ dims: [2], label_filename: 'l.txt' })]);
  });

  it('adds no inputs to a list of complete ones, and no outputs to any list', () => {
    const description = aDescription({
      inputs: [aTensor(), aTensor({ name: 'X2' })],
      outputs: [aTensor({ name: 'Y' }), aTensor({ name: 'Y2' })],
    });
    const inputs = autoComplete({ ...fresh, input: [anInput()] }, description).config;
    expect(inputs.input).toEqual([anInput()]);
    expect(inputs.output.map(({ name }) => name)).toEqual(['Y', 'Y2']);
    const outputs = autoComplete(
      { ...fresh, output: [anOutput({ name: 'Y2', data_type: 'TYPE_INVALID', dims: [] })] },
      description,
    ).config;
    expect(outputs.output).toEqual([anOutput({ name: 'Y2' })]);
    expect(outputs.input.map(({ name }) => name)).toEqual(['X', 'X2']);
  });

  it('takes dims that count the batch dimension as a wish for no batching', () => {
    const { config } = autoComplete({ ...fresh, input: [anInput({ dims: [1, 4] })] }, aDescription());
    expect(config).toMatchObject({
      max_batch_size: 0,
      input: [{ dims: [1, 4] }],
      output: [{ dims: [-1, 4] }],
    });
  });

  it('leaves tensors that the model lacks, and types without a name, to validation', () => {
    const { config } = autoComplete(
      { ...fresh, input: [anInput({ name: 'Z', dims: [] })] },
      aDescription({ inputs: [aTensor({ datatype: null, nativeType: 'sequence' })] }),
    );
    expect(config.input).toMatchObject([
      { name: 'Z', dims: [] },
      { name: 'X', data_type: 'TYPE_INVALID' },
    ]);
  });
});
