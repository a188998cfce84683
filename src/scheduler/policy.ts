import type { ModelSpec, QueuePolicy, SchedulingSpec } from '../model-config/model-spec.js';
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
