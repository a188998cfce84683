import { type GrpcDoor, openGrpcDoor } from '../grpc/door.js';
import { type HttpDoor, openHttpDoor } from '../http/door.js';
import type { HttpListener } from '../http/listener.js';
import { openMetricsDoor } from '../http/metrics-door.js';
import { createRestriction } from '../http/restrictions.js';
import type { Clock } from '../lib/clock.js';
import type { InferenceService } from '../service/service.js';
import type { ServerSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import type { ServerMetrics } from './metrics.js';

/** The ports that settings open, together. */
export class Doors {
  #grpc: GrpcDoor | null = null;
  #http: HttpDoor | null = null;
  #metrics: HttpListener | null = null;

  /** Null where the door is closed by settings. */
  get grpcPort(): number | null {
    return this.#grpc?.port ?? null;
  }

  get httpPort(): number | null {
    return this.#http?.port ?? null;
  }

  get metricsPort(): number | null {
    return this.#metrics?.port ?? null;
  }

  /** Rejects with an Error whose text is for the user when a port can't be had; others are open then. */
  async open(
    service: InferenceService,
    { metrics, onRefused }: ServerMetrics,
    settings: ServerSettings,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ): Promise<void> {
    if (settings.grpc.enabled) {
      this.#grpc = await openGrpcDoor({ service, settings: settings.grpc, clock, log, onRefused });
    }
    if (settings.http.enabled)
      this.#http = await openHttpDoor({
        service,
        settings: settings.http,
        restriction: createRestriction(settings.http.restrictions),
        clock,
        log,
        onRefused,
      });
    if (settings.metrics.enabled) {
      this.#metrics = await openMetricsDoor({ metrics, settings: settings.metrics, log });
    }
  }

  stopAccepting(): void {
    this.#grpc?.stopAccepting();
    this.#http?.stopAccepting();
  }

  /** Resolves when the answers that were given have been taken. */
  async answered(): Promise<void> {
    await Promise.all([this.#grpc?.answered(), this.#http?.answered()]);
  }

  /** Gives calls that are open `graceMs` to end. */
  async close(graceMs: number): Promise<void> {
    await Promise.all([
      this.#grpc?.close(graceMs),
      this.#http?.close(graceMs),
      this.#metrics?.close(graceMs),
    ]);
  }
}
