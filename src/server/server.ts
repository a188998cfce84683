import { type GrpcDoor, openGrpcDoor } from '../grpc/door.js';
import { type HttpDoor, openHttpDoor } from '../http/door.js';
import { type Clock, sleep, systemClock } from '../lib/clock.js';
import { Catalog } from '../lifecycle/catalog.js';
import { unloadVersion } from '../lifecycle/load-version.js';
import { startModels } from '../lifecycle/start-models.js';
import { scanRepositories } from '../repository/scan.js';
import { ServingService } from '../service/serving-service.js';
import type { ServerSettings } from '../settings/settings.js';
import { VERSION } from '../settings/version.js';
import type { Log } from '../telemetry/log.js';
import { createPictureDecoder } from '../worker/decode/decoder-pool.js';
import { Lanes } from '../worker/lanes.js';

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
  readonly anyLoadFailed: boolean;
  modelTable(): ModelTableRow[];
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
  log: Log,
  clock: Clock = systemClock,
): Promise<RunningServer> {
  const folders = await scanRepositories(settings.modelRepositories);
  const lanes = new Lanes({ settings: settings.lanes, clock, log });
  const pictures = createPictureDecoder({ threads: settings.decodeThreads, log });
  const catalog = new Catalog();
  const service = new ServingService({
    catalog,
    clock,
    log,
    pictures,
    id: settings.id,
    version: VERSION,
    strictReadiness: settings.strictReadiness,
    accessLog: settings.log.access,
  });
  let grpc: GrpcDoor | null = null;
  let http: HttpDoor | null = null;
  try {
    if (settings.grpc.enabled) grpc = await openGrpcDoor({ service, settings: settings.grpc, clock, log });
    if (settings.http.enabled) http = await openHttpDoor({ service, settings: settings.http, log });
  } catch (error) {
    await Promise.all([grpc?.close(0), lanes.close(), pictures.close()]);
    throw error;
  }
  await startModels(
    {
      lanes,
      clock,
      log,
      autoComplete: settings.autoComplete,
      defaultInstances: lanes.defaultInstanceCount(folders.length),
      queueRowsMax: settings.queueRowsMax,
      queueBytesMax: settings.queueBytesMax,
    },
    catalog,
    folders,
    settings.modelLoadThreads,
  );
  service.started();

  // From the outside in: no new requests, the accepted ones answered, doors, models, lanes.
  const stopAll = async (): Promise<void> => {
    grpc?.stopAccepting();
    await service.drain();
    await grpc?.answered();
    await Promise.all([grpc?.close(LAST_CALLS_MS), http?.close(LAST_CALLS_MS)]);
    for (const model of [...catalog.serving()]) {
      await catalog.unpublish(model.name, model.version);
      await unloadVersion(model);
      catalog.unloaded(model.name, model.version);
    }
    await Promise.all([lanes.close(), pictures.close()]);
  };
  let stopping: Promise<StopResult> | null = null;
  return {
    grpcPort: grpc?.port ?? null,
    httpPort: http?.port ?? null,
    get anyLoadFailed(): boolean {
      return !catalog.allReady();
    },
    modelTable: () => modelTable(catalog),
    stop(): Promise<StopResult> {
      stopping ??= Promise.race([
        stopAll().then((): StopResult => 'drained'),
        sleep(clock, settings.exitTimeoutSecs * 1e9).then((): StopResult => 'timeout'),
      ]);
      return stopping;
    },
  };
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
