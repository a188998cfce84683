import type { Datatype } from '../tensor/datatype.js';
import type { Shape } from '../tensor/shape.js';
import type { ImageSpec } from './image-spec.js';
import type { InstanceKind, ModelConfig, TensorFormat } from './message.js';
import type { MetricsSpec } from './model-metrics.js';

/** An input as requests must carry it. Shapes exclude the batch dimension. */
export interface InputSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** Shape in requests; -1 = any size. */
  readonly dims: Shape;
  /** Shape that the backend sees (`reshape`); the same array as `dims` where there is none. */
  readonly backendDims: Shape;
  readonly format: TensorFormat;
  readonly optional: boolean;
  readonly allowRaggedBatch: boolean;
  /** How encoded pictures become this tensor; null = BYTES of pictures are not accepted here. */
  readonly image: ImageSpec | null;
}

export interface OutputSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: Shape;
  readonly backendDims: Shape;
  /** One label per class, empty where the output has none. */
  readonly labels: readonly string[];
}

export interface QueuePolicy {
  readonly timeoutAction: 'REJECT' | 'DELAY';
  /** 0 = no timeout. */
  readonly defaultTimeoutUs: number;
  readonly allowTimeoutOverride: boolean;
  /** Requests; 0 = bounded by the server-wide limits only. */
  readonly queueRequestsMax: number;
}

export interface DynamicBatchingSpec {
  readonly kind: 'dynamic';
  /** Ascending, never empty. */
  readonly preferredBatchSizes: readonly number[];
  readonly queueDelayUsMax: number;
  readonly preserveOrdering: boolean;
  /** 0 = no priorities: one level. */
  readonly priorityLevels: number;
  readonly defaultPriorityLevel: number;
  readonly defaultQueuePolicy: QueuePolicy;
  /** By priority level, 1 = highest. */
  readonly priorityQueuePolicies: ReadonlyMap<number, QueuePolicy>;
}

/** One request at a time per instance, in the order of arrival. */
export interface DirectSchedulingSpec {
  readonly kind: 'direct';
}

export type SchedulingSpec = DynamicBatchingSpec | DirectSchedulingSpec;

export interface InstanceGroupSpec {
  readonly name: string;
  readonly kind: InstanceKind;
  /** Instances (per GPU for KIND_GPU); 0 = the server decides. */
  readonly count: number;
  readonly gpus: readonly number[];
}

export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly number[] };

/** What an input of a warm-up sample holds; `file` is relative to the folder `warmup` of the model. */
export type WarmupData =
  | { readonly kind: 'zero' }
  | { readonly kind: 'random' }
  | { readonly kind: 'file'; readonly file: string };

/** One input of a warm-up sample. Shapes exclude the batch dimension and hold no -1. */
export interface WarmupInput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dims: Shape;
  /** Shape that the backend sees; as many elements as `dims`. */
  readonly backendDims: Shape;
  readonly data: WarmupData;
}

/** A batch that every instance runs before its model is served. */
export interface WarmupSample {
  readonly name: string;
  /** Rows, each the same; at least 1, and just 1 for models without a batch dimension. */
  readonly batchSize: number;
  /** Runs, at least 1. */
  readonly count: number;
  readonly inputs: readonly WarmupInput[];
}

/** A model's configuration compiled: complete, checked, frozen. */
export interface ModelSpec {
  readonly name: string;
  readonly platform: string;
  /** Key of the backend registry: `onnxruntime`, `identity`. */
  readonly backend: string;
  readonly modelFilename: string;
  /** Rows; 0 = the model has no batch dimension. */
  readonly maxBatchSize: number;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
  readonly scheduling: SchedulingSpec;
  readonly instanceGroups: readonly InstanceGroupSpec[];
  readonly decoupled: boolean;
  /** `model_warmup`, in its order; what it skips is left out. */
  readonly warmup: readonly WarmupSample[];
  /** Whether each batch size that a scheduler forms is run once as well; every input has a fixed size then. */
  readonly warmupAuto: boolean;
  readonly metrics: MetricsSpec;
  /** `parameters {}` as text, for the backend. */
  readonly parameters: ReadonlyMap<string, string>;
  /** `optimization.graph.level`; 0 when unset. */
  readonly graphLevel: number;
  /** The completed message, as ModelConfig answers it. */
  readonly config: ModelConfig;
}
