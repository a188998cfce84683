import type { ServerWritableStream } from '@grpc/grpc-js';
import { serverErrors } from '../errors/catalogue.js';
import type { Clock } from '../lib/clock.js';
import type { InferenceService } from '../service/service.js';
import { LIMITS } from '../settings/limits.js';
import type { Log } from '../telemetry/log.js';
import { requestBytes } from './call-accounts.js';
import { decodeMessage } from './decode-message.js';
import type { MethodCodec } from './method-codec.js';
import { HEALTH_SERVICE, INFERENCE_SERVICE, type Protos } from './protos.js';
import { type GrpcStatus, toGrpcStatus } from './status.js';
import { asItIs, registerUnary, type UnaryContext } from './unary.js';

export interface HealthRequest {
  readonly service: string;
}

export interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

type WatchCall = ServerWritableStream<Buffer, Buffer>;

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

export interface HealthOptions {
  readonly service: InferenceService;
  readonly clock: Clock;
  readonly log: Log;
  readonly watchesMax: number;
}

/**
 * `grpc.health.v1.Health`: '' and the inference service stand for the server's readiness, any other name
 * for the model of that name. Watches are bounded and follow the service's readiness changes.
 */
export class Health {
  readonly #service: InferenceService;
  readonly #clock: Clock;
  readonly #watches = new Set<Watch>();
  readonly #unsubscribe: () => void;
  readonly #closed: GrpcStatus;
  readonly #watchesMax: number;
  #isChanged = false;

  constructor({ service, clock, log, watchesMax }: HealthOptions) {
    this.#service = service;
    this.#clock = clock;
    this.#watchesMax = watchesMax;
    this.#closed = toGrpcStatus(serverErrors.shuttingDown(), HEALTH_SERVICE, log);
    this.#unsubscribe = service.onReadinessChange(() => this.#changed());
  }

  register(context: UnaryContext & { readonly protos: Protos }): void {
    const { server, protos, log } = context;
    registerUnary(
      context,
      protos.codec<HealthRequest, HealthResponse>(HEALTH_SERVICE, 'Check'),
      ({ service }) => this.#check(service),
    );
    registerUnary(
      context,
      protos.codec<object, { statuses: Record<string, HealthResponse> }>(HEALTH_SERVICE, 'List'),
      () => this.#list(),
    );
    const watch = protos.codec<HealthRequest, HealthResponse>(HEALTH_SERVICE, 'Watch');
    server.register<Buffer, Buffer>(
      watch.path,
      (call: WatchCall) => {
        this.#watch(context, call, watch).catch((error: unknown) => {
          if (!call.cancelled) call.emit('error', toGrpcStatus(error, watch.path, log));
        });
      },
      asItIs,
      asItIs,
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

  async #list(): Promise<{ statuses: Record<string, HealthResponse> }> {
    const index = await this.#service.repositoryIndex('', false);
    const names = new Set(index.map(({ name }) => name).filter((name) => this.#service.isModelKnown(name)));
    if (names.size > LIMITS.healthListMax) throw serverErrors.healthList(LIMITS.healthListMax);
    const statuses: Record<string, HealthResponse> = {};
    for (const name of ['', INFERENCE_SERVICE, ...names]) statuses[name] = { status: this.#statusOf(name) };
    return { statuses };
  }

  async #watch(
    { accounts }: UnaryContext,
    call: WatchCall,
    { path, decode, encode }: MethodCodec<HealthRequest, HealthResponse>,
  ): Promise<void> {
    const account = accounts.complete(call);
    if (account === null) return;
    const { service } = decodeMessage(decode, await requestBytes(account, path, call.request));
    if (call.cancelled) return;
    if (this.#watches.size >= this.#watchesMax) throw serverErrors.watchers(this.#watchesMax);
    const watch: Watch = { service, call, encode, sent: '', isBlocked: false };
    this.#watches.add(watch);
    call.once('cancelled', () => this.#watches.delete(watch));
    this.#update(watch);
  }

  /** Many models may change at once, and only the latest state counts. */
  #changed(): void {
    if (this.#isChanged) return;
    this.#isChanged = true;
    this.#clock.afterTurn(() => {
      this.#isChanged = false;
      for (const watch of this.#watches) this.#update(watch);
    });
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
    return this.#service.isModelKnown(name) ? 'NOT_SERVING' : 'SERVICE_UNKNOWN';
  }
}
