import { invariant } from '../lib/invariant.js';
import { type Datatype, fromConfigType } from '../tensor/datatype.js';
import type { ImageSpec } from './image-spec.js';
import type {
  DynamicBatchingMessage,
  ModelConfig,
  ModelInputMessage,
  ModelOutputMessage,
  QueuePolicyMessage,
} from './message.js';
import { compileMetrics } from './model-metrics.js';
import type {
  InputSpec,
  InstanceGroupSpec,
  ModelSpec,
  OutputSpec,
  QueuePolicy,
  SchedulingSpec,
} from './model-spec.js';
import { autoWarmUpDims, compileWarmUp, wantsAutoWarmUp } from './warm-up.js';

/** What goes into a spec besides the configuration. */
export interface CompileParts {
  /** By output name. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** By input name. */
  readonly images: ReadonlyMap<string, ImageSpec>;
}

/** Turns a configuration that is complete, normalised and valid into the form that requests are served by. */
export function compileSpec(config: ModelConfig, { labels, images }: CompileParts): ModelSpec {
  const inputs = config.input.map((input) => compileInput(input, images.get(input.name) ?? null));
  return deepFreeze({
    name: config.name,
    platform: config.platform,
    backend: config.backend,
    modelFilename: config.default_model_filename,
    maxBatchSize: config.max_batch_size,
    inputs,
    outputs: config.output.map((output) => compileOutput(output, labels.get(output.name) ?? [])),
    scheduling: compileScheduling(config),
    instanceGroups: config.instance_group.map(
      ({ name, kind, count, gpus }): InstanceGroupSpec => ({
        name,
        kind: kind === 'KIND_MODEL' ? 'KIND_CPU' : kind,
        count,
        gpus: [...gpus],
      }),
    ),
    decoupled: config.model_transaction_policy?.decoupled ?? false,
    warmup: compileWarmUp(config),
    warmupAuto:
      wantsAutoWarmUp(config) &&
      inputs.every(({ optional, dims, image }) => optional || autoWarmUpDims(dims, image) !== null),
    metrics: compileMetrics(config),
    parameters: new Map(
      Object.entries(config.parameters).map(([key, { string_value }]) => [key, string_value]),
    ),
    graphLevel: config.optimization?.graph?.level ?? 0,
    config: structuredClone(config),
  });
}

function compileInput(input: ModelInputMessage, image: ImageSpec | null): InputSpec {
  return {
    name: input.name,
    datatype: datatypeOf(input),
    ...shapes(input),
    format: input.format,
    optional: input.optional,
    allowRaggedBatch: input.allow_ragged_batch,
    image,
  };
}

function compileOutput(output: ModelOutputMessage, labels: readonly string[]): OutputSpec {
  return {
    name: output.name,
    datatype: datatypeOf(output),
    ...shapes(output),
    labels: [...labels],
  };
}

/** One array for both where nothing is reshaped, by which requests tell. */
function shapes({ dims, reshape }: ModelInputMessage | ModelOutputMessage): {
  readonly dims: readonly number[];
  readonly backendDims: readonly number[];
} {
  const own = [...dims];
  return { dims: own, backendDims: reshape === undefined ? own : [...reshape.shape] };
}

function datatypeOf({ name, data_type }: ModelInputMessage | ModelOutputMessage): Datatype {
  const datatype = fromConfigType(data_type);
  invariant(datatype !== undefined, `tensor '${name}' of a valid configuration has type ${data_type}`);
  return datatype;
}

function compileScheduling({ dynamic_batching: batching }: ModelConfig): SchedulingSpec {
  if (batching === undefined) return { kind: 'direct' };
  return {
    kind: 'dynamic',
    preferredBatchSizes: preferredSizes(batching),
    queueDelayUsMax: batching.max_queue_delay_microseconds,
    preserveOrdering: batching.preserve_ordering,
    priorityLevels: batching.priority_levels,
    defaultPriorityLevel: batching.default_priority_level,
    defaultQueuePolicy: compileQueuePolicy(batching.default_queue_policy),
    priorityQueuePolicies: new Map(
      Object.entries(batching.priority_queue_policy).map(([level, policy]) => [
        Number(level),
        compileQueuePolicy(policy),
      ]),
    ),
  };
}

/** Without a batch dimension there are none, and each request is a batch of one. */
function preferredSizes({ preferred_batch_size }: DynamicBatchingMessage): readonly number[] {
  const sizes = [...new Set(preferred_batch_size)].sort((a, b) => a - b);
  return sizes.length > 0 ? sizes : [1];
}

function compileQueuePolicy(policy: QueuePolicyMessage | undefined): QueuePolicy {
  return {
    timeoutAction: policy?.timeout_action ?? 'REJECT',
    defaultTimeoutUs: policy?.default_timeout_microseconds ?? 0,
    allowTimeoutOverride: policy?.allow_timeout_override ?? false,
    queueRequestsMax: policy?.max_queue_size ?? 0,
  };
}

/** Plain data and arrays; maps are read-only by their type. */
function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null && !Object.isFrozen(member)) deepFreeze(member);
  }
  return Object.freeze(value);
}
