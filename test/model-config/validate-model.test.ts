import { describe, expect, it } from 'vitest';
import type { ModelDescription } from '#naiad/model-config/description.js';
import type { ModelConfig } from '#naiad/model-config/message.js';
import { dropUnreachable, validateAgainstModel } from '#naiad/model-config/validate-model.js';
import { aConfig, aDescription, anInput, anOutput, aTensor, problemLines } from './builders.js';

function validate(config: Partial<ModelConfig>, description: Partial<ModelDescription> = {}): string[] {
  return problemLines(validateAgainstModel(aConfig(config), aDescription(description)));
}

const X2 = aTensor({ name: 'X2' });

describe('a configuration held against its model', () => {
  it.each<[string, Partial<ModelConfig>, Partial<ModelDescription>]>([
    ['says the same', {}, {}],
    ['leaves an output out', {}, { outputs: [aTensor({ name: 'Y' }), aTensor({ name: 'Y2' })] }],
    ['fixes a variable dim', { input: [anInput({ dims: [7] })] }, { inputs: [aTensor({ shape: [-1, -1] })] }],
    ['leaves a fixed dim open', { input: [anInput({ dims: [-1] })] }, {}],
    ['reshapes', { input: [anInput({ dims: [2, 2], reshape: { shape: [4] } })] }, {}],
    [
      'does not batch',
      { max_batch_size: 0, input: [anInput({ dims: [1, 4] })], output: [anOutput({ dims: [-1, 4] })] },
      {},
    ],
    [
      'offers an input with a default',
      { input: [anInput(), anInput({ name: 'hidden', optional: true })] },
      {},
    ],
  ])('may be one that %s', (_, config, description) => {
    expect(validate(config, description)).toEqual([]);
  });

  it.each<[string, Partial<ModelConfig>, Partial<ModelDescription>, string[]]>([
    [
      'lacks an input',
      {},
      { inputs: [aTensor(), X2] },
      [
        "error input: unable to load model 'm', configuration expects 1 inputs, model provides 2",
        "error input: input 'X2' of the model is missing",
      ],
    ],
    [
      'has an input too many',
      { input: [anInput(), anInput({ name: 'X2' })] },
      {},
      [
        "error input: unable to load model 'm', configuration expects 2 inputs, model provides 1",
        "error input.1.name: unexpected inference input 'X2', allowed inputs are: X",
      ],
    ],
    [
      'makes a required input optional',
      { input: [anInput(), anInput({ name: 'X2', optional: true })] },
      { inputs: [aTensor(), X2] },
      [
        "error input: unable to load model 'm', configuration expects 1 inputs, model provides 2",
        "error input.1.optional: input 'X2' is optional, but the model requires it",
      ],
    ],
    [
      'misspells names',
      { input: [anInput({ name: 'XX' }), anInput()], output: [anOutput({ name: 'YY' })] },
      { inputs: [X2, aTensor()] },
      [
        "error input.0.name: unexpected inference input 'XX', allowed inputs are: X, X2",
        "error output.0.name: unexpected inference output 'YY', allowed outputs are: Y",
      ],
    ],
    [
      'has other types',
      { input: [anInput({ data_type: 'TYPE_INT8' })], output: [anOutput({ data_type: 'TYPE_STRING' })] },
      {},
      [
        "error input.0.data_type: unable to load model 'm', configuration expects datatype TYPE_INT8 for input 'X', model provides TYPE_FP32",
        "error output.0.data_type: unable to load model 'm', configuration expects datatype TYPE_STRING for output 'Y', model provides TYPE_FP32",
      ],
    ],
    [
      'has another size',
      { input: [anInput({ dims: [5] })] },
      {},
      [
        "error input.0.dims: model 'm', tensor 'X': the model expects 2 dimensions (shape [-1,4]) but the model configuration specifies 2 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,5])",
      ],
    ],
    [
      'has another rank',
      { max_batch_size: 0, output: [anOutput({ dims: [-1, 4] })] },
      {},
      [
        "error input.0.dims: model 'm', tensor 'X': the model expects 2 dimensions (shape [-1,4]) but the model configuration specifies 1 dimensions (shape [4])",
      ],
    ],
    [
      'reshapes wrongly',
      { input: [anInput({ reshape: { shape: [2, 2] } })] },
      {},
      [
        "error input.0.reshape: model 'm', tensor 'X': the model expects 2 dimensions (shape [-1,4]) but the model configuration specifies 3 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,2,2])",
      ],
    ],
    [
      'batches a model that does not',
      {},
      { inputs: [aTensor({ shape: [2, 4] })], outputs: [aTensor({ name: 'Y', shape: [] })] },
      [
        "error input.0.dims: model 'm', tensor 'X': for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1; but shape expected by the model is [2,4]",
        "error output.0.dims: model 'm', tensor 'Y': for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1; but shape expected by the model is []",
      ],
    ],
    [
      'serves what the protocol can not carry',
      {},
      { outputs: [aTensor({ name: 'Y', datatype: null, nativeType: 'sequence', shape: [] })] },
      ["error output.0: unable to load model 'm', unsupported datatype 'sequence' of output 'Y'"],
    ],
  ])('may not be one that %s', (_, config, description, problems) => {
    expect(validate(config, description)).toEqual(problems);
  });
});

describe('optional inputs with a default in the model', () => {
  it('are left out, with a warning', () => {
    const config = aConfig({ input: [anInput(), anInput({ name: 'hidden', optional: true })] });
    const dropped = dropUnreachable(config, aDescription());
    expect(dropped.config.input.map(({ name }) => name)).toEqual(['X']);
    expect(problemLines(dropped.problems)).toEqual([
      "warning input.1: optional input 'hidden' is left out: the model lists no such input, or keeps a default value that can't be overridden",
    ]);
  });

  it('are the only ones', () => {
    const config = aConfig({ input: [anInput({ optional: true }), anInput({ name: 'unknown' })] });
    expect(dropUnreachable(config, aDescription())).toEqual({ config, problems: [] });
  });
});
