import type { InstanceGroupMessage, ModelConfig, OptimizationMessage } from './message.js';
import { toVersionPolicy } from './version-policy.js';

/** What the server decides about instances; Triton's defaults depend on its machine as well. */
export interface InstanceChoices {
  /** Whether KIND_AUTO may mean a GPU. */
  readonly gpuAvailable: boolean;
  /** Instances of a group (per GPU), by its index. */
  instanceCount(group: number): number;
}

/**
 * Writes out all defaults, so that ModelConfig answers the same as Triton's does. Instances apart, which
 * `choices` decides, the result depends on the configuration alone.
 */
export function normalise(config: ModelConfig, choices: InstanceChoices): ModelConfig {
  return {
    ...config,
    version_policy: normaliseVersionPolicy(config),
    optimization: normaliseOptimization(config.optimization),
    ...normaliseScheduling(config),
    instance_group: normaliseGroups(config, choices),
  };
}

function normaliseVersionPolicy({ version_policy }: ModelConfig): NonNullable<ModelConfig['version_policy']> {
  const policy = toVersionPolicy(version_policy);
  return policy.kind === 'latest' ? { latest: { num_versions: policy.count } } : (version_policy ?? {});
}

function normaliseOptimization(optimization: OptimizationMessage | undefined): OptimizationMessage {
  return {
    priority: 'PRIORITY_DEFAULT',
    gather_kernel_buffer_threshold: 0,
    eager_batching: false,
    input_pinned_memory: { enable: true },
    output_pinned_memory: { enable: true },
    ...optimization,
  };
}

function normaliseScheduling({
  dynamic_batching: batching,
  max_batch_size: max,
}: ModelConfig): Pick<ModelConfig, 'dynamic_batching'> {
  if (batching === undefined) return {};
  const preferred = batching.preferred_batch_size;
  const fallback = max > 0 ? [max] : [];
  return {
    dynamic_batching: {
      ...batching,
      preferred_batch_size: preferred.length === 0 ? fallback : preferred,
    },
  };
}

const DEFAULT_GROUP: InstanceGroupMessage = {
  name: '',
  kind: 'KIND_AUTO',
  count: 0,
  gpus: [],
  secondary_devices: [],
  profile: [],
  passive: false,
  host_policy: '',
};

function normaliseGroups(
  { name, instance_group }: ModelConfig,
  { gpuAvailable, instanceCount }: InstanceChoices,
): InstanceGroupMessage[] {
  // Triton numbers the groups that a configuration lists, and only those.
  const groups = instance_group.length > 0 ? instance_group : [{ ...DEFAULT_GROUP, name }];
  return groups.map((group, index) => ({
    ...group,
    name: group.name || `${name}_${index}`,
    kind: group.kind === 'KIND_AUTO' ? (gpuAvailable ? 'KIND_GPU' : 'KIND_CPU') : group.kind,
    count: instanceCount(index),
  }));
}
