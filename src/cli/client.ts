import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { HEALTH_SERVICE, INFERENCE_SERVICE, LIFECYCLE_SERVICE, Protos } from '../grpc/protos.js';
import { systemClock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { LIMITS } from '../settings/limits.js';
import { CommandError } from './exit-codes.js';
import type { Headers } from './headers.js';

/** A call that the server, or the way to it, answered with an error. */
export class CallError extends CommandError {
  /** Name of the gRPC status, e.g. `NOT_FOUND`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\]):/i;

/** A connection to a server's gRPC port. The caller closes it. */
export class ServerClient {
  readonly #client: Client;
  readonly #protos = new Protos();
  readonly #address: string;
  readonly #timeoutSecs: number;
  readonly #headers: Headers;

  /** @param timeoutSecs for each call; Infinity = as long as it takes */
  constructor(address: string, timeoutSecs: number, headers: Headers = {}) {
    this.#address = address;
    this.#timeoutSecs = timeoutSecs;
    this.#headers = headers;
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': LIMITS.messageBytesMax,
      'grpc.max_send_message_length': LIMITS.messageBytesMax,
      // A proxy of the environment is not the way to this machine.
      'grpc.enable_http_proxy': LOOPBACK.test(address) ? 0 : 1,
    });
  }

  /** Calls a method of the inference service. Rejects with {@link CallError}. */
  call<Response>(method: string, request: object): Promise<Response> {
    return this.#call<Response>(INFERENCE_SERVICE, method, request);
  }

  /** Calls a method of this server's own service. Rejects with {@link CallError}. */
  callLifecycle<Response>(method: string, request: object): Promise<Response> {
    return this.#call<Response>(LIFECYCLE_SERVICE, method, request);
  }

  /** Status of the server (`''`) by the health service, e.g. `SERVING`. */
  async health(): Promise<string> {
    const answer = await this.#call<{ status: string }>(HEALTH_SERVICE, 'Check', { service: '' });
    return answer.status;
  }

  close(): void {
    this.#client.close();
  }

  #call<Response>(service: string, method: string, request: object): Promise<Response> {
    const methods = this.#protos.definition[service];
    invariant(methods !== undefined && !('format' in methods), `${service} is a service`);
    const definition = methods[method];
    invariant(definition !== undefined, `${service} has a method ${method}`);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(this.#headers)) metadata.set(name, value);
    const deadline = systemClock.wallMs() + this.#timeoutSecs * 1000;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, response) => {
          if (error === null) resolve(response as Response);
          else reject(toCallError(error, this.#address, this.#timeoutSecs));
        },
      );
    });
  }
}

/** Puts an error of a call into words that say what to do. */
export function toCallError(error: ServiceError, address: string, timeoutSecs: number): CallError {
  const code = status[error.code] ?? 'UNKNOWN';
  // Triton ends some of its texts with a line feed.
  const details = error.details.trimEnd();
  const text = (): string => {
    if (code === 'DEADLINE_EXCEEDED') return `no answer from ${address} within ${timeoutSecs} s (--timeout)`;
    if (code !== 'UNAVAILABLE') return details === '' ? code : details;
    if (/ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|Name resolution/.test(details)) {
      return `no server answers at ${address}: start one with 'naiad serve', or give its gRPC address with --url`;
    }
    if (/No connection established|ECONNRESET|Protocol error|dropped/i.test(details)) {
      return `what answers at ${address} does not speak gRPC, or has just ended (${details}); 8001 is the usual gRPC port`;
    }
    return details;
  };
  return new CallError(code, text(), { cause: error });
}
