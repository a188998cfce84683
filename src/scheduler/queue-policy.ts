import type { QueuePolicy, SchedulingSpec } from '../model-config/model-spec.js';

/** The one level of models without priorities. */
export const NO_PRIORITY = 0;

/** The level that a request of `priority` waits in; 1 is served first. */
export function priorityLevel(scheduling: SchedulingSpec, priority: number): number {
  if (scheduling.kind === 'direct' || scheduling.priorityLevels === 0) return NO_PRIORITY;
  const known = priority >= 1 && priority <= scheduling.priorityLevels;
  return known ? priority : scheduling.defaultPriorityLevel;
}

const NO_POLICY: QueuePolicy = {
  timeoutAction: 'REJECT',
  defaultTimeoutUs: 0,
  allowTimeoutOverride: false,
  queueRequestsMax: 0,
};

/** The queue policy of a level. */
export function queuePolicy(scheduling: SchedulingSpec, level: number): QueuePolicy {
  if (scheduling.kind === 'direct') return NO_POLICY;
  return scheduling.priorityQueuePolicies.get(level) ?? scheduling.defaultQueuePolicy;
}

/**
 * How long a request may wait under `policy`, in microseconds; 0 = for ever. A request may always bound
 * its own wait where the policy has no timeout (Triton ignores the parameter there), and lower the
 * policy's timeout where that allows it.
 */
export function queueTimeoutUs(policy: QueuePolicy, requestedUs: number): number {
  const { defaultTimeoutUs, allowTimeoutOverride } = policy;
  if (requestedUs <= 0) return defaultTimeoutUs;
  if (defaultTimeoutUs === 0) return requestedUs;
  return allowTimeoutOverride ? Math.min(defaultTimeoutUs, requestedUs) : defaultTimeoutUs;
}
