import { LIMITS } from '../settings/limits.js';
import type { DynamicBatchingMessage, ModelConfig, QueuePolicyMessage } from './message.js';
import { findMetricProblems } from './model-metrics.js';
import { errorAt, type FieldPath, type Problem, warningAt } from './problem.js';

/**
 * Everything about a configuration that can be judged before the model is loaded, inputs and outputs
 * apart. Texts are Triton's where it has one.
 */
export function validateConfig(config: ModelConfig): Problem[] {
  const { name, max_batch_size: max, dynamic_batching: batching } = config;
  return [
    ...(max < 0
      ? [errorAt(['max_batch_size'], `'max_batch_size' must be non-negative value for ${name}`)]
      : []),
    ...validatePlatform(config),
    ...validateFilename(config),
    ...(batching === undefined ? [] : validateBatching(name, max, batching)),
    ...validateCache(config),
    ...validateGroupCounts(config),
    ...validatePolicy(config),
    ...findMetricProblems(config),
  ];
}

function validatePlatform({ name, platform, ensemble_scheduling }: ModelConfig): Problem[] {
  if (platform !== 'ensemble' || ensemble_scheduling !== undefined) return [];
  return [
    errorAt(['platform'], `ensemble scheduling must be set for ensemble ${name} whose platform is ensemble`),
  ];
}

function validateFilename({ default_model_filename: file }: ModelConfig): Problem[] {
  const parts = file.split(/[/\\]/);
  if (file === '' || (!parts.includes('..') && parts[0] !== '' && !/^[A-Za-z]:/.test(file))) return [];
  return [
    errorAt(['default_model_filename'], `default_model_filename '${file}' must stay in the version folder`),
  ];
}

function validateBatching(name: string, max: number, batching: DynamicBatchingMessage): Problem[] {
  const found: Problem[] = [];
  const at = (...path: FieldPath): FieldPath => ['dynamic_batching', ...path];
  const refuse = (given: boolean, path: FieldPath, message: string): void => {
    if (given) found.push(errorAt(path, `${message} for ${name}`));
  };
  batching.preferred_batch_size.forEach((size, index) => {
    const path = at('preferred_batch_size', index);
    refuse(size <= 0, path, 'dynamic batching preferred size must be positive');
    refuse(size > max, path, 'dynamic batching preferred size must be <= max batch size');
  });
  const { priority_levels: levels, default_priority_level: level } = batching;
  const policies = Object.entries(batching.priority_queue_policy);
  if (levels > 0) {
    const range = `in range [1, ${levels}]`;
    refuse(
      level === 0 || level > levels,
      at('default_priority_level'),
      `default priority level must be ${range}`,
    );
    for (const [key] of policies) {
      const inRange = /^\d+$/.test(key) && Number(key) >= 1 && Number(key) <= levels;
      const path = at('priority_queue_policy', key);
      refuse(!inRange, path, `priority queue policy must have priority level ${range}`);
    }
  }
  if (batching.preserve_ordering) {
    refuse(
      levels > 1,
      at('priority_levels'),
      "Only one priority level is allowed when 'preserve_ordering' is true",
    );
    const delays = "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true";
    refuse(isDelaying(batching.default_queue_policy), at('default_queue_policy', 'timeout_action'), delays);
    for (const [key, policy] of policies) {
      refuse(isDelaying(policy), at('priority_queue_policy', key, 'timeout_action'), delays);
    }
  }
  return found;
}

/** Without a timeout the action never comes. */
function isDelaying(policy: QueuePolicyMessage | undefined): boolean {
  return policy?.timeout_action === 'DELAY' && policy.default_timeout_microseconds > 0;
}

function validateCache({ name, ...config }: ModelConfig): Problem[] {
  if (config.response_cache?.enable !== true) return [];
  const clashes = (what: string): Problem =>
    errorAt(
      ['response_cache'],
      `Response Cache does not currently support model ${name} with ${what}. Please disable the response cache.`,
    );
  return [
    ...(config.sequence_batching === undefined ? [] : [clashes('sequence batching scheduler')]),
    ...(config.model_transaction_policy?.decoupled === true
      ? [clashes("'decoupled' transaction policy")]
      : []),
  ];
}

function validateGroupCounts({ instance_group }: ModelConfig): Problem[] {
  let instances = 0;
  return instance_group.flatMap(({ count, gpus }, index) => {
    const path = ['instance_group', index, 'count'];
    if (count < 0) {
      return [warningAt(path, `instance_group count ${count} is negative, the default is taken`)];
    }
    instances += count * Math.max(1, gpus.length);
    if (instances <= LIMITS.instancesMax) return [];
    return [
      errorAt(path, `a model may have ${LIMITS.instancesMax} instances, its groups ask for ${instances}`),
    ];
  });
}

function validatePolicy({ version_policy }: ModelConfig): Problem[] {
  if (version_policy?.latest?.num_versions !== 0) return [];
  return [
    warningAt(['version_policy', 'latest'], 'version policy latest without num_versions serves one version'),
  ];
}
