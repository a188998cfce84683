import type { Reason } from '../errors/reasons.js';
import type { StatusCode } from '../errors/serving-error.js';
import { type Family, labelText, sampleLine } from './metric-text.js';
import type { ModelMeter } from './model-meter.js';
import { histogramFamily, type MeteredModel, perModel, withLabels } from './triton-families.js';

/** Why requests to a model were not computed, words of `ErrorInfo.reason`; each is told from 0 on. */
export const MODEL_REFUSALS = [
  'DEADLINE_EXCEEDED',
  'DECODERS_FULL',
  'INVALID_ARGUMENT',
  'QUEUE_FULL',
  'QUEUE_TIMEOUT',
  'SHUTTING_DOWN',
  'WORKER_LOST',
] as const satisfies readonly (Reason | StatusCode)[];

/** What this server tells of its models beyond Triton. */
export function* naiadFamilies(served: readonly MeteredModel[], nowNs: number): Iterable<Family> {
  yield histogramFamily(
    served,
    'naiad_inference_duration_seconds',
    'Time from the arrival of a request to its answer, successful requests',
    ({ stages }) => stages?.total ?? null,
  );
  yield histogramFamily(
    served,
    'naiad_inference_queue_seconds',
    'Time that requests waited for an instance, successful requests',
    ({ stages }) => stages?.queue ?? null,
  );
  yield histogramFamily(
    served,
    'naiad_inference_compute_seconds',
    'Time that the batches of requests took in an instance, successful requests',
    ({ stages }) => stages?.compute ?? null,
  );
  yield histogramFamily(
    served,
    'naiad_inference_batch_rows',
    'Rows of the batches that ran',
    ({ stages }) => stages?.batchRows ?? null,
  );
  yield perModel(
    served,
    'naiad_queue_requests',
    'gauge',
    'Requests that wait for an instance',
    ({ queue }) => queue.requests,
  );
  yield perModel(
    served,
    'naiad_queue_rows',
    'gauge',
    'Rows of the requests that wait for an instance',
    ({ queue }) => queue.rows,
  );
  yield perModel(
    served,
    'naiad_queue_bytes',
    'gauge',
    'Bytes of inputs of the requests that wait for an instance',
    ({ queue }) => queue.bytes,
  );
  yield perModel(
    served,
    'naiad_queue_oldest_seconds',
    'gauge',
    'How long the request that has waited longest waits for an instance, 0 when none does',
    ({ queue }) => (queue.requests === 0 ? 0 : Math.max(0, nowNs - queue.oldestNs) / 1e9),
  );
  yield {
    name: 'naiad_inference_refused_total',
    help: 'Requests to a model that were not computed, by why',
    type: 'counter',
    samples: refusalLines(served),
  };
}

function* refusalLines(served: readonly MeteredModel[]): Iterable<string> {
  for (const { meter } of served) {
    for (const reason of MODEL_REFUSALS) {
      const labels = withLabels(meter, labelText('reason', reason));
      yield sampleLine('naiad_inference_refused_total', labels, refusals(meter, reason));
    }
  }
}

function refusals({ refusals }: ModelMeter, reason: string): number {
  return refusals.get(reason) ?? 0;
}
