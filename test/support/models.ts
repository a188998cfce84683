import type { ServingModel } from '#naiad/lifecycle/serving-model.js';
import { BACKENDS } from '#naiad/model-config/backend-traits.js';
import { NO_METRICS } from '#naiad/model-config/model-metrics.js';
import type { InputSpec, ModelSpec, OutputSpec } from '#naiad/model-config/model-spec.js';
import { StatisticsRecorder } from '#naiad/telemetry/statistics.js';
import type { Executor } from '#naiad/worker/executor.js';

/** INT32[16] unless said otherwise. */
export function anInputSpec(overrides: Partial<InputSpec> = {}): InputSpec {
  const dims = overrides.dims ?? [16];
  return {
    name: 'INPUT0',
    datatype: 'INT32',
    dims,
    backendDims: dims,
    format: 'FORMAT_NONE',
    optional: false,
    allowRaggedBatch: false,
    image: null,
    ...overrides,
  };
}

export function anOutputSpec(overrides: Partial<OutputSpec> = {}): OutputSpec {
  const dims = overrides.dims ?? [16];
  return { name: 'OUTPUT0', datatype: 'INT32', dims, backendDims: dims, labels: [], ...overrides };
}

/** Triton's `simple`: INPUT0, INPUT1 -> OUTPUT0, OUTPUT1, INT32[16], at most 8 rows. */
export function aModelSpec(overrides: Partial<ModelSpec> = {}): ModelSpec {
  return {
    name: 'simple',
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    modelFilename: 'model.onnx',
    maxBatchSize: 8,
    inputs: [anInputSpec({ name: 'INPUT0' }), anInputSpec({ name: 'INPUT1' })],
    outputs: [anOutputSpec({ name: 'OUTPUT0' }), anOutputSpec({ name: 'OUTPUT1' })],
    scheduling: { kind: 'direct' },
    instanceGroups: [],
    decoupled: false,
    warmup: [],
    warmupAuto: false,
    metrics: NO_METRICS,
    parameters: new Map(),
    graphLevel: 0,
    config: {
      name: 'simple',
      platform: '',
      backend: 'onnxruntime',
      runtime: '',
      max_batch_size: 8,
      input: [],
      output: [],
      batch_input: [],
      batch_output: [],
      instance_group: [],
      default_model_filename: 'model.onnx',
      cc_model_filenames: {},
      metric_tags: {},
      parameters: {},
      model_warmup: [],
    },
    ...overrides,
  };
}

/** An instance that lives and must not be asked to run. */
export function anExecutor(available = true): Executor {
  const never = () => Promise.reject(new Error('not to be reached'));
  return {
    name: 'm_0',
    description: null,
    available,
    onAvailability: () => () => {},
    run: never,
    unload: never,
  };
}

/** A version whose scheduler must not be reached. */
export function aServingModel(spec: ModelSpec = aModelSpec(), version = 1): ServingModel {
  const traits = BACKENDS.get(spec.backend);
  if (traits === undefined) throw new Error(`no backend '${spec.backend}'`);
  return {
    name: spec.name,
    version,
    spec,
    traits,
    scheduler: {
      pending: 0,
      queued: 0,
      queueStatus: () => ({
        requests: 0,
        rows: 0,
        bytes: 0,
        oldestNs: Number.POSITIVE_INFINITY,
        handedOver: 0,
      }),
      submit: () => {
        throw new Error('not to be reached');
      },
      drain: () => Promise.resolve(),
    },
    executors: [anExecutor()],
    statistics: new StatisticsRecorder(),
  };
}
