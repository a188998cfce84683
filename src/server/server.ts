import { type Clock, sleep, systemClock } from '../lib/clock.js';
import { Catalog } from '../lifecycle/catalog.js';
import { Chronicle } from '../lifecycle/chronicle.js';
import { LoadGate } from '../lifecycle/load-gate.js';
import { ModelManager } from '../lifecycle/manager.js';
import { FolderWatch } from '../repository/folder-watch.js';
import { noModels } from '../repository/scan.js';
import type { Listing } from '../repository/store.js';
import { ServingService } from '../service/serving-service.js';
import type { ServerSettings } from '../settings/settings.js';
import { VERSION } from '../settings/version.js';
import { SharedMemoryRegions } from '../shm/regions.js';
import type { AdjustableLog } from '../telemetry/log.js';
import { createTracer } from '../telemetry/trace/create.js';
import { Builder } from '../worker/build/builder.js';
import { CachedArtifacts } from '../worker/build/cached-artifacts.js';
import { NO_ARTIFACTS } from '../worker/build/no-artifacts.js';
import { createPictureDecoder } from '../worker/decode/decoder-pool.js';
import { Lanes, type LanesStatus } from '../worker/lanes.js';
import { ThreadedStore } from '../worker/prepare/threaded-store.js';
import { Doors } from './doors.js';
import { createMetrics } from './metrics.js';

/** One row of the table that a start prints. */
export interface ModelTableRow {
  readonly model: string;
  readonly version: string;
  /** `READY`, or `UNAVAILABLE: reason`. */
  readonly status: string;
}

/** How a stop ended: everything accepted was answered, or the exit timeout came first. */
export type StopResult = 'drained' | 'timeout';

/** A server that accepts requests. */
export interface RunningServer {
  /** null where the door is closed by settings. */
  readonly grpcPort: number | null;
  readonly httpPort: number | null;
  readonly metricsPort: number | null;
  readonly anyLoadFailed: boolean;
  modelTable(): ModelTableRow[];
  /** What is loaded and in use now, for tests. */
  status(): { readonly lanes: LanesStatus; readonly leases: number };
  /**
   * Refuses new requests, answers the accepted ones, then closes doors and lanes; later calls get the
   * same promise. After 'timeout' inference may still run in a lane: the process must not end by
   * `process.exit`, which would abort it.
   */
  stop(): Promise<StopResult>;
}

/** Calls other than inference get this long to end once all inference is answered. */
const LAST_CALLS_MS = 500;

/**
 * Builds the server and starts it: models first, then the doors' health turns to ready. Doors open
 * before the models load, so that liveness can be asked meanwhile. Rejects with an Error whose text is
 * for the user: a repository that can't be read, a port that is taken.
 */
export async function startServer(
  settings: ServerSettings,
  log: AdjustableLog,
  clock: Clock = systemClock,
): Promise<RunningServer> {
  const { lifecycle } = settings;
  let isServing = false;
  let mayRestorePriority = false;
  const lanes = new Lanes({
    settings: settings.lanes,
    clock,
    log,
    gentleLoads: () => isServing && mayRestorePriority,
  });
  const store = new ThreadedStore({
    repositories: settings.modelRepositories,
    artifactCache: lifecycle.artifactCache,
    cacheBytesMax: lifecycle.artifactCacheBytes,
    server: `${settings.id}\0${settings.grpc.port}`,
    loadedFiles: () => lanes.modelFiles,
    clock,
    log,
  });
  const listing = await firstListing(store, settings);
  mayRestorePriority = await store.canRestorePriority();
  const builder = new Builder({
    clock,
    limit: () => (isServing ? 1 : Math.min(settings.modelLoadThreads, settings.lanes.cores)),
    gentle: () => isServing,
  });
  const catalog = new Catalog();
  const isBusy = (): boolean => isServing && service.isBusy;
  const measured = createMetrics(settings, {
    clock,
    lanes,
    catalog,
    requestsInFlight: () => service.inFlight,
  });
  const { metrics } = measured;
  const watch = new FolderWatch(() => manager.hint());
  const manager = new ModelManager({
    catalog,
    chronicle: new Chronicle({ log, clock }),
    metrics,
    ...(measured.meters !== null && { meters: measured.meters }),
    log,
    clock,
    lanes,
    store,
    mend: (name, version, directory) => store.mend(name, version, directory),
    archive: store.archive,
    artifacts:
      lifecycle.artifactCache === null
        ? NO_ARTIFACTS
        : new CachedArtifacts({
            directory: lifecycle.artifactCache,
            bytesMax: lifecycle.artifactCacheBytes,
            store,
            builder,
            clock,
            log,
          }),
    gate: new LoadGate(settings.modelLoadThreads, isBusy),
    instancesAtOnce: () => (isBusy() ? 1 : settings.lanes.cores),
    settings: lifecycle,
    modelLoadThreads: settings.modelLoadThreads,
    startsAfterRetries: settings.exitOnError,
    reloadPolicy: lifecycle.reloadPolicy,
    loadRetries: lifecycle.loadRetries,
    keepWarmSecs: lifecycle.keepWarmSecs,
    autoComplete: settings.autoComplete,
    defaultInstances: lanes.defaultInstanceCount(Math.max(1, listing.models.length)),
    queueRowsMax: settings.queueRowsMax,
    queueBytesMax: settings.queueBytesMax,
    onFolders: (directories) => {
      if (lifecycle.controlMode === 'poll') watch.update([...settings.modelRepositories, ...directories]);
    },
  });
  const tracer = await createTracer(settings.trace, { log, clock });
  const pictures = createPictureDecoder({ threads: settings.decodeThreads, log });
  const sharedMemory = settings.allowClientSharedMemory ? new SharedMemoryRegions() : null;
  const service = new ServingService({
    catalog,
    control: manager,
    clock,
    log,
    tracer,
    pictures,
    sharedMemory,
    id: settings.id,
    version: VERSION,
    strictReadiness: settings.strictReadiness,
    statusMode: settings.statusMode,
    accessLog: settings.log.access,
    onRefused: measured.onRefused,
  });
  const doors = new Doors();
  try {
    await doors.open(service, measured, settings, { clock, log });
  } catch (error) {
    await Promise.all([doors.close(0), lanes.close(), pictures.close(), store.close()]);
    throw error;
  }
  await manager.start(listing);
  service.started();
  isServing = true;

  // From the outside in: no new requests, the accepted ones answered, doors, models, lanes.
  const stopAll = async (): Promise<void> => {
    doors.stopAccepting();
    watch.close();
    await service.drain();
    await doors.answered();
    await doors.close(LAST_CALLS_MS);
    sharedMemory?.unregister('');
    await builder.close();
    const unloaded = manager.stop();
    store.stopReading();
    await unloaded;
    await Promise.all([lanes.close(), pictures.close(), store.close(), tracer.close()]);
  };
  let stopping: Promise<StopResult> | null = null;
  return {
    grpcPort: doors.grpcPort,
    httpPort: doors.httpPort,
    metricsPort: doors.metricsPort,
    get anyLoadFailed(): boolean {
      return manager.anyFailing;
    },
    modelTable: () => modelTable(catalog),
    status: () => ({ lanes: lanes.status, leases: catalog.leased }),
    stop(): Promise<StopResult> {
      stopping ??= Promise.race([
        stopAll().then((): StopResult => 'drained'),
        sleep(clock, settings.exitTimeoutSecs * 1e9).then((): StopResult => 'timeout'),
      ]);
      return stopping;
    },
  };
}

/** Rejects, the store closed, when there is nothing to serve that could be served some time. */
async function firstListing(store: ThreadedStore, settings: ServerSettings): Promise<Listing> {
  try {
    const listing = await store.list();
    const [unreadable] = listing.unreadable;
    if (unreadable !== undefined) throw new Error(unreadable.reason);
    if (listing.models.length === 0 && settings.lifecycle.controlMode === 'none') {
      throw new Error(noModels(settings.modelRepositories));
    }
    return listing;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function modelTable(catalog: Catalog): ModelTableRow[] {
  return catalog.names().flatMap((model): ModelTableRow[] => {
    const reason = catalog.reason(model);
    const versions = catalog.versions(model).map((entry) => ({
      model,
      version: String(entry.version),
      status: entry.reason === '' ? entry.state : `${entry.state}: ${entry.reason}`,
    }));
    return reason === ''
      ? versions
      : [{ model, version: '-', status: `UNAVAILABLE: ${reason}` }, ...versions];
  });
}
