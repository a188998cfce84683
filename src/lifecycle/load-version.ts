import type { InstanceOptions } from '../backend/backend.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { BACKENDS } from '../model-config/backend-traits.js';
import type { Finding } from '../model-config/findings.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import { completeModel, findModelFile, type ModelSource } from '../repository/model-source.js';
import { createScheduler } from '../scheduler/create.js';
import { StatisticsRecorder } from '../telemetry/statistics.js';
import { fromConfigType } from '../tensor/datatype.js';
import type { Executor } from '../worker/executor.js';
import { INTRA_OP_THREADS_DEFAULT, type Lanes } from '../worker/lanes.js';
import { type PlannedInstance, planInstances } from './plan-instances.js';
import type { ServingModel } from './serving-model.js';

/** What loading needs from the server around it. */
export interface LoadContext {
  readonly lanes: Lanes;
  readonly clock: Clock;
  readonly autoComplete: boolean;
  /** Instances of a group whose count is left open. */
  readonly defaultInstances: number;
  readonly queueRowsMax: number;
  readonly queueBytesMax: number;
}

/** A version ready to be published, and what is odd about it. */
export interface LoadedVersion {
  readonly model: ServingModel;
  readonly warnings: readonly Finding[];
}

/**
 * Loads one version: the first instance is created, tells what the model looks like and stays, so that
 * nothing is loaded twice; its description completes and checks the configuration; then the other
 * instances follow. Rejects with an Error whose text is the reason; nothing stays loaded then.
 */
export async function loadVersion(
  context: LoadContext,
  source: ModelSource,
  version: number,
): Promise<LoadedVersion> {
  const { lanes } = context;
  const { config } = source;
  const planned = planInstances(config.instance_group, {
    model: source.folder.name,
    defaultCount: context.defaultInstances,
    gpus: [],
  });
  const [first, ...others] = planned;
  invariant(first !== undefined, 'a plan has at least one instance');
  const executors: Executor[] = [];
  const modelFile = await findModelFile(source, version);
  const loadInstance = async (instance: PlannedInstance): Promise<Executor> => {
    const executor = await lanes.load({
      name: instance.name,
      model: source.folder.name,
      backend: config.backend,
      options: instanceOptions(source, version, modelFile, instance),
    });
    executors.push(executor);
    return executor;
  };
  try {
    const { description } = await loadInstance(first);
    const { spec, warnings } = await completeModel(source, {
      description,
      instanceCount: (group) => planned.filter((instance) => instance.group === group).length,
      autoComplete: context.autoComplete,
      // The first instance runs where it was planned: on a GPU only if that could be used.
      gpuAvailable: first.device.kind === 'gpu',
    });
    await allSettled(others.map(loadInstance));
    return { model: serve(context, spec, version, executors), warnings };
  } catch (error) {
    await Promise.allSettled(executors.map((executor) => executor.unload()));
    throw error;
  }
}

function serve(
  context: LoadContext,
  spec: ModelSpec,
  version: number,
  executors: readonly Executor[],
): ServingModel {
  const traits = BACKENDS.get(spec.backend);
  invariant(traits !== undefined, `backend '${spec.backend}' has no traits`);
  const statistics = new StatisticsRecorder();
  const scheduler = createScheduler({
    model: spec.name,
    spec,
    executors,
    clock: context.clock,
    queueRowsMax: context.queueRowsMax,
    queueBytesMax: context.queueBytesMax,
    onBatch: (batch) =>
      statistics.batchExecuted(batch.rows, batch.computeInputNs, batch.computeInferNs, batch.computeOutputNs),
  });
  return { name: spec.name, version, spec, traits, scheduler, executors, statistics };
}

/** Takes a version apart after its last request: refuses what still comes, then gives memory back. */
export async function unloadVersion(model: ServingModel): Promise<void> {
  await model.scheduler.drain();
  await Promise.all(model.executors.map((executor) => executor.unload()));
}

/** Waits for all, so that none is left loading when one has failed; then throws the first failure. */
async function allSettled(pending: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(pending)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

function instanceOptions(
  { folder, config }: ModelSource,
  version: number,
  modelFile: string,
  instance: PlannedInstance,
): InstanceOptions {
  const directory = folder.versions.find((candidate) => candidate.version === version)?.directory;
  invariant(directory !== undefined, `version ${version} of model '${folder.name}' has no folder`);
  return {
    modelName: folder.name,
    version,
    directory,
    modelFile,
    device: instance.device,
    parameters: Object.fromEntries(
      Object.entries(config.parameters).map(([key, value]) => [key, value.string_value]),
    ),
    graphLevel: config.optimization?.graph?.level ?? 0,
    intraOpThreads: INTRA_OP_THREADS_DEFAULT,
    outputs: config.output.flatMap(({ name, data_type }) => {
      const datatype = fromConfigType(data_type);
      return datatype === undefined ? [] : [{ name, datatype }];
    }),
  };
}
