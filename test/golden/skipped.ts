import { HAS_SHARED_MEMORY } from '../support/shared-memory.js';
import { type Case, requestsOf, type Step } from './recording.js';

/** What is not served, and hence not replayed. */
const UNSERVED_MODELS: readonly (readonly [why: string, names: RegExp])[] = [
  ['sequences are not served', /^(seq_.*|bad_seq_.*|bad_cache_seq)$/],
  ['ensembles are not served', /^(ens|ens3|ens_self|ens_seq|ctl_ens|stat_ens|bad_ens_.*)$/],
  ['ragged batches are not served', /^ragged$/],
];

/** Why a model of the recording can't be served here; null when it can. */
export function modelObstacle(name: string): string | null {
  return UNSERVED_MODELS.find(([, names]) => names.test(name))?.[0] ?? null;
}

/** Why a case is not replayed; null when it is. */
export function skipReason(golden: Case): string | null {
  for (const step of requestsOf(golden)) {
    const why = stepObstacle(step);
    if (why !== null) return why;
  }
  return null;
}

function stepObstacle({ grpc, request = {}, requests = [request], http, shm }: Step): string | null {
  if (http !== undefined) return modelObstacle(/\/models\/([^/]+)/.exec(http.path)?.[1] ?? '');
  if (shm !== undefined) return HAS_SHARED_MEMORY ? null : 'there is no shared memory here';
  if (grpc === undefined) return null;
  const models = requests.map(({ model_name, name }) => String(model_name ?? name ?? ''));
  return models.map(modelObstacle).find((why) => why !== null) ?? null;
}
