import { type ChannelCredentials, type ChannelOptions, Client, credentials, Metadata } from '@grpc/grpc-js';
import { toInferenceError } from './errors.js';
import { DEFAULT_RETRY, pauseAfter, type RetryPolicy } from './retry.js';
import { messagesOf, pauseUnlessAborted, sendAll } from './streaming.js';

/** Of one call; what is left out is the client's. */
export interface CallOptions {
  /** For the whole call, all tries and pauses included; Infinity = as long as it takes. */
  readonly timeoutMs?: number;
  /** Cancels the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Headers, in addition to the client's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Parts of the policy that differ; false = a single try. */
  readonly retry?: Partial<RetryPolicy> | false;
}

/** Of a client. */
export interface ClientOptions {
  /** By default in the clear. */
  readonly credentials?: ChannelCredentials;
  /** Of calls; by default 60,000. Loads, unloads, streams and watches have none unless a call gives one. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly retry?: Partial<RetryPolicy> | false;
  /** Of grpc-js, e.g. keepalive. */
  readonly channelOptions?: ChannelOptions;
}

/** What a client needs of a method's definition. */
interface Method<Request, Response> {
  readonly path: string;
  requestSerialize(message: Request): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

const TIMEOUT_MS = 60_000;
/** What gRPC itself allows: tensors are soon larger than its default of 4 MiB. */
const MESSAGE_BYTES_MAX = 2 ** 31 - 1;
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])(:|$)/i;

const asItIs = (bytes: Buffer): Buffer => bytes;

function deadlineOf({ timeoutMs = Infinity }: CallOptions): number {
  return Date.now() + timeoutMs;
}

/** A connection and how calls are made on it: deadlines, cancellation, retries. The owner closes it. */
export class Caller {
  readonly #client: Client;
  readonly #options: ClientOptions;

  constructor(address: string, options: ClientOptions) {
    this.#options = options;
    this.#client = new Client(address, options.credentials ?? credentials.createInsecure(), {
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      // A proxy of the environment is not the way to this machine.
      'grpc.enable_http_proxy': LOOPBACK.test(address) ? 0 : 1,
      ...options.channelOptions,
    });
  }

  close(): void {
    this.#client.close();
  }

  /** One request, one answer. Rejects with InferenceError, or with the reason of `options.signal`. */
  async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const { signal } = options;
    const deadline = Date.now() + (options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS);
    const policy = this.#retryPolicy(options);
    const metadata = this.#metadata(options);
    // Once for all tries: the caller's arrays may change between them.
    const bytes = method.requestSerialize(request);
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted();
      try {
        return await this.#try(method, bytes, metadata, deadline, signal);
      } catch (error) {
        const pauseMs = pauseAfter(error, tries, policy, Math.random());
        if (pauseMs === null || Date.now() + pauseMs >= deadline) throw error;
        await pauseUnlessAborted(pauseMs, signal);
      }
    }
  }

  /** The answers to one request, until the server ends them. Ends the call when the iteration ends. */
  async *serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): AsyncGenerator<Response, void, undefined> {
    const { signal } = options;
    signal?.throwIfAborted();
    const call = this.#client.makeServerStreamRequest<Request, Response>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      this.#metadata(options),
      { deadline: deadlineOf(options) },
    );
    yield* messagesOf(call, signal);
  }

  /**
   * The answers to many requests, which are taken from `requests` only as fast as the server reads them; answers
   * are read only as fast as they are iterated. Ends the call, and the iteration of `requests`, when the iteration
   * of the answers ends. What `requests` and `toMessage` throw is thrown here.
   */
  async *duplexStream<Request, Message, Response>(
    method: Method<Message, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    toMessage: (request: Request) => Message,
    options: CallOptions = {},
  ): AsyncGenerator<Response, void, undefined> {
    const { signal } = options;
    signal?.throwIfAborted();
    const call = this.#client.makeBidiStreamRequest<Message, Response>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      this.#metadata(options),
      { deadline: deadlineOf(options) },
    );
    const ended = new AbortController();
    const failures: unknown[] = [];
    sendAll(call, requests, toMessage, ended.signal).catch((error: unknown) => {
      failures.push(error);
      call.cancel();
    });
    try {
      yield* messagesOf(call, signal);
    } catch (error) {
      throw failures.length > 0 ? failures[0] : error;
    } finally {
      ended.abort();
    }
  }

  #try<Response>(
    method: Method<never, Response>,
    bytes: Buffer,
    metadata: Metadata,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(
        method.path,
        asItIs,
        method.responseDeserialize,
        bytes,
        metadata,
        { deadline },
        (error, response) => {
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve(response as Response);
          else reject(signal?.aborted ? signal.reason : toInferenceError(error));
        },
      );
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  #metadata({ headers }: CallOptions): Metadata {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries({ ...this.#options.headers, ...headers })) {
      metadata.set(key, value);
    }
    return metadata;
  }

  #retryPolicy({ retry = this.#options.retry }: CallOptions): RetryPolicy {
    if (retry === false) return { ...DEFAULT_RETRY, triesMax: 1 };
    return { ...DEFAULT_RETRY, ...(this.#options.retry || {}), ...retry };
  }
}
