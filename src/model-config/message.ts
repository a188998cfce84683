/**
 * `inference.ModelConfig` as plain data, field names as in model_config.proto; enums by name, 64-bit
 * integers as numbers, unset sub-messages absent, unset scalars at their proto3 default. This is what a
 * configuration file is read into, what auto-completion fills and what ModelConfig answers.
 */
export interface ModelConfig {
  name: string;
  platform: string;
  backend: string;
  runtime: string;
  version_policy?: VersionPolicyMessage;
  max_batch_size: number;
  input: ModelInputMessage[];
  output: ModelOutputMessage[];
  batch_input: Record<string, unknown>[];
  batch_output: Record<string, unknown>[];
  optimization?: OptimizationMessage;
  dynamic_batching?: DynamicBatchingMessage;
  sequence_batching?: Record<string, unknown>;
  ensemble_scheduling?: Record<string, unknown>;
  instance_group: InstanceGroupMessage[];
  default_model_filename: string;
  cc_model_filenames: Record<string, string>;
  metric_tags: Record<string, string>;
  parameters: Record<string, { string_value: string }>;
  model_warmup: WarmupMessage[];
  model_operations?: Record<string, unknown>;
  model_transaction_policy?: { decoupled: boolean };
  model_repository_agents?: Record<string, unknown>;
  response_cache?: { enable: boolean };
  model_metrics?: { metric_control: MetricControlMessage[] };
}

export interface MetricControlMessage {
  metric_identifier?: { family: string };
  histogram_options?: { buckets: number[] };
}

export interface WarmupMessage {
  name: string;
  batch_size: number;
  /** By input name. */
  inputs: Record<string, WarmupInputMessage>;
  count: number;
}

/** Of the last three one is there, whatever its value. */
export interface WarmupInputMessage {
  data_type: string;
  dims: number[];
  zero_data?: boolean;
  random_data?: boolean;
  input_data_file?: string;
}

export interface VersionPolicyMessage {
  latest?: { num_versions: number };
  all?: Record<string, never>;
  specific?: { versions: number[] };
}

export type TensorFormat = 'FORMAT_NONE' | 'FORMAT_NHWC' | 'FORMAT_NCHW';

export interface ModelInputMessage {
  name: string;
  /** `TYPE_FP32` and so on. */
  data_type: string;
  format: TensorFormat;
  dims: number[];
  reshape?: { shape: number[] };
  is_shape_tensor: boolean;
  allow_ragged_batch: boolean;
  optional: boolean;
  is_non_linear_format_io: boolean;
}

export interface ModelOutputMessage {
  name: string;
  data_type: string;
  dims: number[];
  reshape?: { shape: number[] };
  label_filename: string;
  is_shape_tensor: boolean;
  is_non_linear_format_io: boolean;
}

export interface OptimizationMessage {
  graph?: { level: number };
  priority: string;
  cuda?: Record<string, unknown>;
  execution_accelerators?: Record<string, unknown>;
  input_pinned_memory?: { enable: boolean };
  output_pinned_memory?: { enable: boolean };
  gather_kernel_buffer_threshold: number;
  eager_batching: boolean;
}

export interface QueuePolicyMessage {
  timeout_action: 'REJECT' | 'DELAY';
  default_timeout_microseconds: number;
  allow_timeout_override: boolean;
  max_queue_size: number;
}

export interface DynamicBatchingMessage {
  preferred_batch_size: number[];
  max_queue_delay_microseconds: number;
  preserve_ordering: boolean;
  priority_levels: number;
  default_priority_level: number;
  default_queue_policy?: QueuePolicyMessage;
  /** Keys are priority levels in decimal. */
  priority_queue_policy: Record<string, QueuePolicyMessage>;
}

export type InstanceKind = 'KIND_AUTO' | 'KIND_GPU' | 'KIND_CPU' | 'KIND_MODEL';

export interface InstanceGroupMessage {
  name: string;
  kind: InstanceKind;
  count: number;
  rate_limiter?: Record<string, unknown>;
  gpus: number[];
  secondary_devices: Record<string, unknown>[];
  profile: string[];
  passive: boolean;
  host_policy: string;
}
