import type {
  DynamicBatchingSpec,
  ModelSpec,
  QueuePolicy,
  SchedulingSpec,
} from '../model-config/model-spec.js';
import { type BatchCompatibility, batchCompatibility } from './batch-compatibility.js';

/** What `decide` goes by: how many waiting jobs make a batch, and how long to wait for more. */
export type BatchPolicy = DirectPolicy | DynamicPolicy;

/** One job at a time. */
export interface DirectPolicy {
  readonly kind: 'direct';
}

/** Triton's dynamic batcher. */
export interface DynamicPolicy {
  readonly kind: 'dynamic';
  readonly batchRowsMax: number;
  readonly preferredRows: ReadonlySet<number>;
  readonly preferredRowsMax: number;
  /** How long the oldest job of a batch may wait for others; 0 = not at all. */
  readonly queueDelayNs: number;
  /** null when any two jobs may share a batch. */
  readonly compatible: BatchCompatibility | null;
}

/** The policy of a model. */
export function batchPolicy(spec: Pick<ModelSpec, 'maxBatchSize' | 'inputs' | 'scheduling'>): BatchPolicy {
  const { maxBatchSize, inputs, scheduling } = spec;
  if (scheduling.kind === 'direct') return { kind: 'direct' };
  return {
    kind: 'dynamic',
    batchRowsMax: Math.max(1, maxBatchSize),
    preferredRows: new Set(scheduling.preferredBatchSizes),
    preferredRowsMax: Math.max(...scheduling.preferredBatchSizes),
    queueDelayNs: scheduling.queueDelayUsMax * 1000,
    compatible: batchCompatibility(inputs),
  };
}

/** `policy` for a scheduler that takes no more jobs: none is worth waiting for. */
export function withoutDelay(policy: BatchPolicy): BatchPolicy {
  return policy.kind === 'direct' ? policy : { ...policy, queueDelayNs: 0 };
}

/**
 * Whether a busy instance may get its next batch early. As in Triton not under priorities or a queue
 * policy: what has been handed over can neither be overtaken nor expire.
 */
export function allowsPrefetch(scheduling: SchedulingSpec): boolean {
  return (
    scheduling.kind === 'direct' ||
    (scheduling.priorityLevels === 0 && isNoPolicy(scheduling.defaultQueuePolicy))
  );
}

function isNoPolicy(policy: QueuePolicy): boolean {
  return policy.defaultTimeoutUs === 0 && !policy.allowTimeoutOverride && policy.queueRequestsMax === 0;
}

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
  return scheduling.kind === 'direct' ? NO_POLICY : levelPolicy(scheduling, level);
}

function levelPolicy(scheduling: DynamicBatchingSpec, level: number): QueuePolicy {
  return scheduling.priorityQueuePolicies.get(level) ?? scheduling.defaultQueuePolicy;
}

/** How long a request may wait under `policy`, in microseconds; 0 = for ever. Requests may only lower it. */
export function queueTimeoutUs(policy: QueuePolicy, requestedUs: number): number {
  const { defaultTimeoutUs, allowTimeoutOverride } = policy;
  if (!allowTimeoutOverride || requestedUs <= 0) return defaultTimeoutUs;
  return Math.min(defaultTimeoutUs, requestedUs);
}
