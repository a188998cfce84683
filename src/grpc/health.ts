import type { Server, ServerWritableStream } from '@grpc/grpc-js';
import { serverErrors } from '../errors/catalogue.js';
import type { InferenceService } from '../service/service.js';
import { LIMITS } from '../settings/limits.js';
import type { Log } from '../telemetry/log.js';
import { type Decoded, decodeSafely } from './decoded.js';
import { HEALTH_SERVICE, INFERENCE_SERVICE, type Protos } from './protos.js';
import { type GrpcStatus, toGrpcStatus } from './status.js';
import { registerUnary } from './unary.js';

export interface HealthRequest {
  readonly service: string;
}

export interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

type WatchCall = ServerWritableStream<Decoded<HealthRequest>, Buffer>;

type Encode = (response: HealthResponse) => Buffer;

interface Watch {
  readonly service: string;
  readonly call: WatchCall;
  readonly encode: Encode;
  /** What was sent last; '' before the first. */
  sent: HealthResponse['status'] | '';
  /** The client has not taken what was sent yet: only the latest state will follow. */
  isBlocked: boolean;
}

/**
 * `grpc.health.v1.Health`: '' and the inference service stand for the server's readiness, any other name
 * for the model of that name. Watches are bounded and follow the service's readiness changes.
 */
export class Health {
  readonly #service: InferenceService;
  readonly #watches = new Set<Watch>();
  readonly #unsubscribe: () => void;
  readonly #closed: GrpcStatus;
  readonly #watchesMax: number;

  constructor(service: InferenceService, log: Log, watchesMax: number) {
    this.#service = service;
    this.#watchesMax = watchesMax;
    this.#closed = toGrpcStatus(serverErrors.shuttingDown(), HEALTH_SERVICE, log);
    this.#unsubscribe = service.onReadinessChange(() => this.#notify());
  }

  register(server: Server, protos: Protos, log: Log): void {
    registerUnary(
      server,
      protos.codec<HealthRequest, HealthResponse>(HEALTH_SERVICE, 'Check'),
      log,
      ({ service }) => this.#check(service),
    );
    registerUnary(
      server,
      protos.codec<object, { statuses: Record<string, HealthResponse> }>(HEALTH_SERVICE, 'List'),
      log,
      () => this.#list(),
    );
    const watch = protos.codec<HealthRequest, HealthResponse>(HEALTH_SERVICE, 'Watch');
    server.register<Decoded<HealthRequest>, Buffer>(
      watch.path,
      (call: WatchCall) => {
        try {
          this.#watch(call, watch.encode);
        } catch (error) {
          call.emit('error', toGrpcStatus(error, watch.path, log));
        }
      },
      (reply) => reply,
      (bytes) => decodeSafely(watch.decode, bytes),
      'serverStream',
    );
  }

  /** Ends all watches, which would keep the server from closing. */
  close(): void {
    this.#unsubscribe();
    for (const { call } of this.#watches) call.emit('error', this.#closed);
    this.#watches.clear();
  }

  #check(name: string): HealthResponse {
    const status = this.#statusOf(name);
    if (status === 'SERVICE_UNKNOWN') throw serverErrors.unknownHealth(name);
    return { status };
  }

  #list(): { statuses: Record<string, HealthResponse> } {
    const names = this.#modelNames();
    if (names.size > LIMITS.healthListMax) throw serverErrors.healthList(LIMITS.healthListMax);
    const statuses: Record<string, HealthResponse> = {};
    for (const name of ['', INFERENCE_SERVICE, ...names]) statuses[name] = this.#check(name);
    return { statuses };
  }

  #watch(call: WatchCall, encode: Encode): void {
    const { request } = call;
    if (request.kind === 'malformed') throw request.error;
    if (this.#watches.size >= this.#watchesMax) throw serverErrors.watchers(this.#watchesMax);
    const watch: Watch = { service: request.message.service, call, encode, sent: '', isBlocked: false };
    this.#watches.add(watch);
    call.once('cancelled', () => this.#watches.delete(watch));
    this.#update(watch);
  }

  #notify(): void {
    for (const watch of this.#watches) this.#update(watch);
  }

  /** Sends the state if it is news; while the client does not read, only the latest state waits. */
  #update(watch: Watch): void {
    if (watch.isBlocked) return;
    const status = this.#statusOf(watch.service);
    if (status === watch.sent) return;
    watch.sent = status;
    watch.isBlocked = true;
    watch.call.write(watch.encode({ status }), () => {
      watch.isBlocked = false;
      if (this.#watches.has(watch)) this.#update(watch);
    });
  }

  #statusOf(name: string): HealthResponse['status'] {
    if (name === '' || name === INFERENCE_SERVICE) return this.#service.isReady() ? 'SERVING' : 'NOT_SERVING';
    if (this.#service.isModelReady(name, '')) return 'SERVING';
    return this.#modelNames().has(name) ? 'NOT_SERVING' : 'SERVICE_UNKNOWN';
  }

  #modelNames(): Set<string> {
    return new Set(this.#service.repositoryIndex('', false).map(({ name }) => name));
  }
}
