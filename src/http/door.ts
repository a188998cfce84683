import { availableParallelism } from 'node:os';
import { Canceller } from '../inference/request.js';
import { type Clock, systemClock } from '../lib/clock.js';
import { InFlight, type InFlightLimits } from '../service/in-flight.js';
import type { InferenceService } from '../service/service.js';
import { LIMITS } from '../settings/limits.js';
import type { HttpSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { Connections } from './connections.js';
import { Exchange, type ExchangeContext } from './exchange.js';
import { JsonPool } from './infer/json-pool.js';
import { listenHttp } from './listener.js';
import { RequestPace } from './request-pace.js';
import type { Restriction, Route } from './route.js';
import { ROUTES } from './routes/routes.js';

export interface HttpDoorOptions {
  readonly service: InferenceService;
  readonly settings: HttpSettings;
  readonly log: Log;
  readonly clock?: Clock;
  readonly limits?: InFlightLimits;
  /** Told why, of each inference request that does not get past the door. */
  readonly onRefused?: (reason: string) => void;
  /** How long a client may take nothing of its answer. */
  readonly stalledMs?: number;
  /** Everything is open to everybody where it is not given. */
  readonly restriction?: Restriction;
  readonly routes?: readonly Route[];
}

/** The open HTTP port. */
export interface HttpDoor {
  /** Where it listens, also when the settings left the choice to the system. */
  readonly port: number;
  /** New inference requests are answered UNAVAILABLE from now on; everything else goes on. */
  stopAccepting(): void;
  /** Resolves when no inference request is left whose answer its client has not taken. */
  answered(): Promise<void>;
  /** Takes no more connections, gives open ones `graceMs` to finish, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Threads for large JSON: one reads 50 to 100 MB/s, and each takes 10 MB and time from the lanes. */
const JSON_THREADS = Math.min(4, Math.ceil(availableParallelism() / 4));

/** Opens the HTTP port. Rejects with an Error whose text says what to do when it can't listen. */
export async function openHttpDoor({
  service,
  settings,
  log,
  clock = systemClock,
  limits = LIMITS,
  onRefused,
  stalledMs = LIMITS.httpStalledMs,
  restriction = () => null,
  routes = ROUTES,
}: HttpDoorOptions): Promise<HttpDoor> {
  const stopping = new Canceller();
  const inFlight = new InFlight(limits, onRefused);
  const connections = new Connections(LIMITS.httpPipelinedMax);
  const pace = new RequestPace(clock);
  const jsonThreads = new JsonPool({ threads: JSON_THREADS, log });
  const context: ExchangeContext = {
    routes,
    route: { service, clock, log, jsonThreads, accepting: () => !stopping.cancelled },
    restriction,
    inFlight,
    connections,
    pace,
    inputBytesMax: settings.inputBytesMax,
    stopping,
    stalledMs,
    headerPattern: settings.headerPattern,
  };
  const listener = await listenHttp({
    name: 'HTTP',
    flag: '--http',
    settings,
    log,
    clock,
    connectionsMax: LIMITS.httpConnectionsMax,
    requestMs: 0,
    handle(request, response, connectionHeaders) {
      void new Exchange(context, request, response, connectionHeaders).run();
    },
    isWorking: (socket) => connections.isWorking(socket),
  });
  return {
    port: listener.port,
    stopAccepting() {
      listener.endConnections();
      stopping.cancel();
    },
    answered: () => inFlight.idle(),
    async close(graceMs) {
      stopping.cancel();
      await listener.close(graceMs);
      pace.close();
      await jsonThreads.close();
    },
  };
}
