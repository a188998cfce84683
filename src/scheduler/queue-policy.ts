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

/** How long a request may wait under `policy`, in microseconds; 0 = for ever. Requests may only lower it. */
export function queueTimeoutUs(policy: QueuePolicy, requestedUs: number): number {
  const { defaultTimeoutUs, allowTimeoutOverride } = policy;
  if (!allowTimeoutOverride || requestedUs <= 0) return defaultTimeoutUs;
  return Math.min(defaultTimeoutUs, requestedUs);
}
