import { join } from 'node:path';
import type { InstanceOptions } from '../backend/backend.js';
import { mapBounded } from '../lib/bounded.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { BACKENDS } from '../model-config/backend-traits.js';
import type { Finding } from '../model-config/findings.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import { completeModel, type ModelSource } from '../repository/model-source.js';
import { createScheduler } from '../scheduler/create.js';
import type { Meters } from '../telemetry/meters.js';
import { StatisticsRecorder } from '../telemetry/statistics.js';
import type { Lanes } from '../worker/lanes.js';
import type { GenerationVersion } from './generation.js';
import type { HistoryStep } from './history.js';
import type { InstancePool, PooledInstance } from './instance-pool.js';
import type { Sampled } from './live-quantizations.js';
import { inGpuTerms, inRepositoryTerms } from './load-reason.js';
import { type PlannedInstance, planInstances } from './plan-instances.js';
import { Preparation, type PreparationContext } from './preparation.js';
import { RecordingExecutor, RequestRecorder } from './request-recorder.js';
import type { ServingModel } from './serving-model.js';
import { instanceOptions, sessionKey } from './session-key.js';
import { planWarmUp, warmUp } from './warm-up.js';

/** What loading needs from the server around it. */
export interface LoadContext extends PreparationContext {
  readonly lanes: Pick<Lanes, 'load'>;
  readonly autoComplete: boolean;
  /** Instances of a group whose count is left open. */
  readonly defaultInstances: number;
  readonly queueRowsMax: number;
  readonly queueBytesMax: number;
  /** Left out where nothing is measured. */
  readonly meters?: Meters;
  /** Instances of a model that may be created at the same time now. */
  instancesAtOnce(): number;
  /** Told when a version that is to be quantized by its first requests has been asked these. */
  onSampled?(sampled: Sampled): void;
  /** See `Store.mend`; left out where models are loaded from the repository itself. */
  mend?(model: string, version: number, directory: string): Promise<boolean>;
}

/** A version that can be published, and what it took. */
export interface LoadedRevision {
  readonly model: ServingModel;
  readonly instances: readonly PooledInstance[];
  /** Whether instances that were there already could be used, all of them. */
  readonly updated: boolean;
  readonly warnings: readonly Finding[];
  readonly steps: readonly HistoryStep[];
}

export interface RevisionTarget {
  readonly source: ModelSource;
  readonly version: GenerationVersion;
  /** Counters of the same version as it is served now; they go on when its sessions do. */
  readonly statistics: StatisticsRecorder | null;
  /** Whether requests wait for it, so that it must not take longer than it has to. */
  readonly urgent?: boolean;
  /** Aborted when it is not wanted any more: loading ends as soon as it can, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Loads one version. Instances that the pool has already are used again; the first one tells what the
 * model looks like, so that nothing is loaded twice, and its description completes and checks the
 * configuration; then the others follow and new ones are warmed up. A copy that turns out to be damaged is
 * made again and loaded once more. Rejects with an Error whose text is the reason, in terms of the
 * repository; nothing of it stays loaded then.
 */
export async function loadRevision(
  context: LoadContext,
  pool: InstancePool,
  target: RevisionTarget,
  preparation?: Preparation,
): Promise<LoadedRevision> {
  const attempt = async (): Promise<LoadedRevision> => {
    const taken: PooledInstance[] = [];
    try {
      return await load(context, pool, target, preparation ?? (await begin(context, target)), taken);
    } catch (error) {
      await pool.release(taken);
      throw inRepositoryTerms(error, target.source.folder);
    }
  };
  try {
    return await attempt();
  } catch (error) {
    if (!(await isMended(context, target))) throw error;
    return attempt();
  }
}

async function isMended(context: LoadContext, { source, version, signal }: RevisionTarget): Promise<boolean> {
  const { name, versions } = source.folder;
  const place = versions.find((candidate) => candidate.version === version.version);
  if (context.mend === undefined || place === undefined || signal?.aborted === true) return false;
  try {
    return await context.mend(name, version.version, place.directory);
  } catch {
    // Why it could not be loaded says more.
    return false;
  }
}

/**
 * Makes ready what the instances of a version load, unless the pool has them all. Takes as long as the
 * model needs, and holds up nothing. Rejects like {@link loadRevision}.
 */
export async function prepareRevision(
  context: LoadContext,
  pool: InstancePool,
  target: RevisionTarget,
): Promise<Preparation> {
  const { source, version } = target;
  try {
    const preparation = await begin(context, target);
    if (pool.covers(sessionKeys(context, target))) return preparation;
    for (const instance of plan(context, source)) {
      await preparation.of(instanceOptions(source, version.version, preparation.modelFile, instance));
    }
    return preparation;
  } catch (error) {
    throw inRepositoryTerms(error, source.folder);
  }
}

function begin(context: LoadContext, { source, version }: RevisionTarget): Promise<Preparation> {
  return Preparation.begin(context, source, version);
}

/** Keys of the instances that a version needs, one for each. */
export function sessionKeys(context: LoadContext, { source, version }: RevisionTarget): string[] {
  return plan(context, source).map((instance) =>
    keyOf(source, version, instanceOptions(source, version.version, '', instance)),
  );
}

async function load(
  context: LoadContext,
  pool: InstancePool,
  { source, version, statistics, urgent = false, signal }: RevisionTarget,
  preparation: Preparation,
  taken: PooledInstance[],
): Promise<LoadedRevision> {
  const { config, folder } = source;
  const steps = new Stopwatch(context.clock);
  const planned = plan(context, source);
  const fresh: PooledInstance[] = [];
  const acquire = async (instance: PlannedInstance): Promise<PooledInstance> => {
    signal?.throwIfAborted();
    const options = instanceOptions(source, version.version, preparation.modelFile, instance);
    const key = keyOf(source, version, options);
    const present = pool.claim(key, taken);
    if (present !== undefined) {
      taken.push(present);
      return present;
    }
    const { instance: executor, prepared } = await preparation
      .load(options, (chosen) =>
        context.lanes.load({
          name: instance.name,
          model: folder.name,
          backend: config.backend,
          options: chosen,
          urgent,
        }),
      )
      .catch((error: unknown) => {
        throw inGpuTerms(error, instance, config);
      });
    const added = pool.add(key, executor, prepared);
    taken.push(added);
    fresh.push(added);
    return added;
  };
  const [first, ...others] = planned;
  invariant(first !== undefined, 'a plan has at least one instance');
  const { description } = (await acquire(first)).executor;
  steps.mark('session');
  const { spec, warnings } = await completeModel(source, {
    description,
    instanceCount: (group) => planned.filter((instance) => instance.group === group).length,
    autoComplete: context.autoComplete,
    // The first instance runs where it was planned: on a GPU only if that could be used.
    gpuAvailable: first.device.kind === 'gpu',
  });
  steps.mark('configuration');
  await allSettled(others, context.instancesAtOnce(), acquire);
  steps.mark('further instances');
  if (fresh.length > 0) {
    const origin = folder.versions.find((candidate) => candidate.version === version.version)?.origin ?? '';
    const runs = await planWarmUp(spec, folder.directory, join(origin, '..'));
    await allSettled(fresh, context.instancesAtOnce(), ({ executor }) => warmUp(executor, runs, signal));
    if (runs.length > 0) steps.mark('warm-up');
  }
  const updated = fresh.length === 0;
  const recorder = (updated ? statistics : null) ?? new StatisticsRecorder();
  recorder.meter =
    context.meters?.open(spec.name, version.version, spec.metrics, statistics?.meter ?? null) ?? null;
  return {
    model: serve(context, spec, version, taken, recorder),
    instances: taken,
    updated,
    warnings,
    steps: [...preparation.steps, ...steps.taken],
  };
}

function keyOf({ config }: ModelSource, version: GenerationVersion, options: InstanceOptions): string {
  return sessionKey(config, options, version);
}

function plan(context: LoadContext, { config, folder }: ModelSource): PlannedInstance[] {
  return planInstances(config.instance_group, {
    model: folder.name,
    defaultCount: context.defaultInstances,
    gpus: [],
  });
}

function serve(
  context: LoadContext,
  spec: ModelSpec,
  version: GenerationVersion,
  instances: readonly PooledInstance[],
  statistics: StatisticsRecorder,
): ServingModel {
  const traits = BACKENDS.get(spec.backend);
  invariant(traits !== undefined, `backend '${spec.backend}' has no traits`);
  const prepared = instances[0]?.prepared;
  const live = prepared?.live ?? null;
  const recorder =
    prepared === undefined || live === null
      ? null
      : new RequestRecorder({
          requests: live.requests,
          samplesMax: live.samplesMax,
          batches: spec.maxBatchSize > 0,
          onDone: (samples) => context.onSampled?.({ model: spec.name, version, prepared, samples }),
        });
  const executors = instances.map(({ executor }) =>
    recorder === null ? executor : new RecordingExecutor(executor, recorder),
  );
  const scheduler = createScheduler({
    model: spec.name,
    spec,
    executors,
    clock: context.clock,
    queueRowsMax: context.queueRowsMax,
    queueBytesMax: context.queueBytesMax,
    streams: spec.decoupled && traits.streams,
    onBatch: (batch) =>
      statistics.batchExecuted(
        batch.rows,
        batch.computeInputNs,
        batch.computeInferNs,
        batch.computeOutputNs,
        context.clock.wallMs(),
      ),
  });
  return {
    name: spec.name,
    version: version.version,
    spec,
    traits,
    scheduler,
    executors,
    statistics,
    ...(prepared !== undefined && { quantization: live ?? prepared }),
  };
}

/** Waits for all, so that none is left loading when one has failed; then throws the first failure. */
async function allSettled<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const outcomes = await mapBounded(items, limit, (item) =>
    work(item).then(
      () => null,
      (error: unknown) => ({ error }),
    ),
  );
  const failure = outcomes.find((outcome) => outcome !== null);
  if (failure != null) throw failure.error;
}

/** Measures steps one after the other. */
class Stopwatch {
  readonly taken: HistoryStep[] = [];
  readonly #clock: Clock;
  #lastNs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastNs = clock.nowNs();
  }

  mark(name: string): void {
    const nowNs = this.#clock.nowNs();
    this.taken.push({ name, ms: Math.round((nowNs - this.#lastNs) / 1e5) / 10 });
    this.#lastNs = nowNs;
  }
}
