import { setLogger } from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.js';
import { InFlight, type InFlightLimits } from '../service/in-flight.js';
import type { InferenceService } from '../service/service.js';
import { LIMITS } from '../settings/limits.js';
import type { GrpcSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { CallAccounts } from './call-accounts.js';
import { readCredentials } from './credentials.js';
import { Health } from './health.js';
import { registerInfer } from './methods/infer.js';
import { registerLifecycle } from './methods/lifecycle.js';
import { registerLogSettings } from './methods/log-settings.js';
import { registerMetadata } from './methods/metadata.js';
import type { MethodContext } from './methods/methods.js';
import { registerReadiness } from './methods/readiness.js';
import { registerRepository } from './methods/repository.js';
import { registerSharedMemory } from './methods/shared-memory.js';
import { registerStatistics } from './methods/statistics.js';
import type { StreamLimits } from './methods/stream-call.js';
import { registerStreamInfer } from './methods/stream-infer.js';
import { registerTraceSetting } from './methods/trace-setting.js';
import { loadProtos } from './protos.js';
import { registerReflection } from './reflection.js';
import { createGate } from './restrictions.js';
import { TunedServer } from './tuned-server.js';

export interface GrpcDoorOptions {
  readonly service: InferenceService;
  readonly settings: GrpcSettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: DoorLimits;
  /** Told why, of each inference request that does not get past the door. */
  readonly onRefused?: (reason: string) => void;
}

/** What one door holds at a time. */
export interface DoorLimits extends InFlightLimits, StreamLimits {
  readonly healthWatchesMax: number;
  readonly reflectionStreamsMax: number;
}

/** The open gRPC port. */
export interface GrpcDoor {
  /** Where it listens, also when the settings left the choice to the system. */
  readonly port: number;
  /** New inference requests are answered UNAVAILABLE from now on; everything else goes on. */
  stopAccepting(): void;
  /** Resolves when no inference request is left whose answer its client has not taken. */
  answered(): Promise<void>;
  /**
   * Stops listening, lets calls in flight finish and ends idle connections; what is still open after
   * `graceMs` is cut. Resolves when all connections are closed; later calls get the same promise.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens the gRPC port: the methods of the inference and lifecycle services, health and reflection. Rejects with an Error for
 * the user when the address can't be listened on.
 */
export async function openGrpcDoor({
  service,
  settings,
  clock,
  log,
  limits = LIMITS,
  onRefused,
}: GrpcDoorOptions): Promise<GrpcDoor> {
  // What grpc-js finds worth a line on stderr comes back as an error here too.
  setLogger({ error: (text: string) => log.debug({ source: 'grpc-js' }, text) });
  const inFlight = new InFlight(limits, onRefused);
  const accounts = new CallAccounts(inFlight, clock, log, createGate(settings.restrictions));
  const tuned = new TunedServer(
    settings,
    (stream, headers) => accounts.open(stream, headers),
    (error) => log.warn({ err: error }, 'gRPC connection could not be accepted'),
  );
  const { server } = tuned;
  const protos = loadProtos();
  let accepting = true;
  const context: MethodContext = {
    server,
    protos,
    service,
    clock,
    headerPattern: settings.headerPattern,
    log,
    inFlight,
    accounts,
    accepting: () => accepting,
  };
  registerReadiness(context);
  registerMetadata(context);
  registerStatistics(context);
  registerRepository(context);
  registerLifecycle(context);
  registerSharedMemory(context);
  registerLogSettings(context);
  registerTraceSetting(context);
  registerInfer(context);
  const streams = registerStreamInfer(context, limits);
  const health = new Health({ service, clock, log, watchesMax: limits.healthWatchesMax });
  health.register(context);
  registerReflection(context, limits.reflectionStreamsMax);

  const port = await listen(tuned, settings).catch((error: unknown) => {
    health.close();
    throw error;
  });
  let closing: Promise<void> | null = null;
  return {
    port,
    stopAccepting(): void {
      accepting = false;
    },
    answered: () => inFlight.idle(),
    close(graceMs: number): Promise<void> {
      accepting = false;
      closing ??= new Promise((resolve) => {
        health.close();
        streams.close();
        const timer = clock.setTimer(graceMs * 1e6, () => tuned.cut());
        server.tryShutdown(() => {
          timer.cancel();
          resolve();
        });
      });
      return closing;
    },
  };
}

async function listen({ server }: TunedServer, { address, port, tls }: GrpcSettings): Promise<number> {
  const credentials = await readCredentials(tls);
  const host = address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(new Error(describe(error.message, address, port), { cause: error }));
    });
  });
}

/** What the user can do about a port that can't be opened. */
function describe(reason: string, address: string, port: number): string {
  const where = `gRPC can't listen on ${address}:${port}`;
  if (reason.includes('EADDRINUSE')) {
    return `${where}: the port is in use; end the process that holds it or choose another with --grpc-port`;
  }
  if (reason.includes('EACCES')) {
    return `${where}: no permission for this port; choose one above 1023 with --grpc-port`;
  }
  if (reason.includes('EADDRNOTAVAIL') || reason.includes('ENOTFOUND') || reason.includes('resol')) {
    return `${where}: this machine has no such address; choose another with --grpc-address`;
  }
  return `${where}: ${reason}`;
}
