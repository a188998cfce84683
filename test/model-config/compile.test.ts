import { describe, expect, it } from 'vitest';
import { compileSpec } from '#naiad/model-config/compile.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { aConfig, anInput, anOutput, parameters } from './builders.js';

const none = { labels: new Map(), images: new Map() };
const read = (text: string) => parseConfig('pbtxt', text, 'c').config;

describe('a compiled configuration', () => {
  it('has what requests are served by', () => {
    const config = aConfig({
      input: [anInput({ optional: true, format: 'FORMAT_NCHW' })],
      output: [anOutput({ data_type: 'TYPE_STRING', reshape: { shape: [2, 2] } })],
      parameters: parameters({ a: '1' }),
      instance_group: read(
        'instance_group [ { name: "g" count: 2 kind: KIND_GPU gpus: 1 }, { kind: KIND_MODEL } ]',
      ).instance_group,
      optimization: read('optimization { graph { level: -1 } }').optimization ?? fail(),
    });
    const spec = compileSpec(config, { ...none, labels: new Map([['Y', ['cat', 'dog']]]) });
    expect(spec).toMatchObject({
      name: 'm',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      modelFilename: 'model.onnx',
      maxBatchSize: 8,
      inputs: [
        {
          name: 'X',
          datatype: 'FP32',
          dims: [4],
          backendDims: [4],
          format: 'FORMAT_NCHW',
          optional: true,
          image: null,
        },
      ],
      outputs: [{ name: 'Y', datatype: 'BYTES', dims: [4], backendDims: [2, 2], labels: ['cat', 'dog'] }],
      scheduling: { kind: 'direct' },
      instanceGroups: [
        { name: 'g', kind: 'KIND_GPU', count: 2, gpus: [1] },
        { kind: 'KIND_CPU', count: 0, gpus: [] },
      ],
      decoupled: false,
      graphLevel: -1,
    });
    expect(spec.parameters).toEqual(new Map([['a', '1']]));
    expect(spec.config).toEqual(config);
  });

  it('schedules as it says', () => {
    const { dynamic_batching } = read(`dynamic_batching {
      preferred_batch_size: [ 8, 4, 8 ] max_queue_delay_microseconds: 100 preserve_ordering: true
      priority_levels: 2 default_priority_level: 1
      default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 7 allow_timeout_override: true max_queue_size: 3 }
      priority_queue_policy { key: 2 value { max_queue_size: 5 } }
    }`);
    expect(compileSpec(aConfig({ dynamic_batching: dynamic_batching ?? fail() }), none).scheduling).toEqual({
      kind: 'dynamic',
      preferredBatchSizes: [4, 8],
      queueDelayUsMax: 100,
      preserveOrdering: true,
      priorityLevels: 2,
      defaultPriorityLevel: 1,
      defaultQueuePolicy: {
        timeoutAction: 'DELAY',
        defaultTimeoutUs: 7,
        allowTimeoutOverride: true,
        queueRequestsMax: 3,
      },
      priorityQueuePolicies: new Map([
        [
          2,
          { timeoutAction: 'REJECT', defaultTimeoutUs: 0, allowTimeoutOverride: false, queueRequestsMax: 5 },
        ],
      ]),
    });
  });

  it('queues single requests for a model without a batch dimension', () => {
    const { dynamic_batching } = read('dynamic_batching { }');
    const config = aConfig({ max_batch_size: 0, dynamic_batching: dynamic_batching ?? fail() });
    expect(compileSpec(config, none).scheduling).toMatchObject({ kind: 'dynamic', preferredBatchSizes: [1] });
  });

  it('is frozen and owes nothing to the configuration', () => {
    const config = aConfig();
    const spec = compileSpec(config, none);
    expect(() => (spec.inputs as unknown[]).push(1)).toThrow(TypeError);
    expect(Object.isFrozen(spec.inputs[0]?.dims)).toBe(true);
    expect(() => {
      spec.config.max_batch_size = 1;
    }).toThrow(TypeError);
    config.input[0]?.dims.push(1);
    expect(spec.inputs[0]?.dims).toEqual([4]);
    expect(spec.config.input[0]?.dims).toEqual([4]);
  });
});

function fail(): never {
  throw new Error('the text has no such message');
}
