import { resolve } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = resolve(import.meta.dirname, '../../proto/grpc_service.proto');

/** Plain data, as proto-loader takes and gives it. */
export type Message = Record<string, unknown>;

export interface RpcFailure {
  readonly code: number;
  readonly details: string;
}

type Call = (
  request: Message,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: (error: grpc.ServiceError | null, response?: Message) => void,
) => grpc.ClientUnaryCall;

export interface TestCallOptions extends grpc.CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
}

function toMetadata(entries: Readonly<Record<string, string>>): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return metadata;
}

/** Once for all clients. */
let readService: grpc.ServiceClientConstructor | null = null;

function loadService(): grpc.ServiceClientConstructor {
  const definition = loadSync(PROTO, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    includeDirs: [resolve(PROTO, '..')],
  });
  return (grpc.loadPackageDefinition(definition).inference as grpc.GrpcObject)
    .GRPCInferenceService as grpc.ServiceClientConstructor;
}

/** A client that knows the service only by its .proto files, as a stranger would. */
export class TestClient {
  readonly #client: grpc.Client;

  constructor(
    port: number,
    options: grpc.ClientOptions = {},
    credentials = grpc.credentials.createInsecure(),
  ) {
    readService ??= loadService();
    this.#client = new readService(`127.0.0.1:${port}`, credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  /** Answers, or rejects with a grpc ServiceError. */
  call(method: string, request: Message = {}, options: TestCallOptions = {}): Promise<Message> {
    return this.start(method, request, options).answer;
  }

  /** {@link call} with a handle to cancel it. */
  start(
    method: string,
    request: Message,
    { metadata = {}, ...options }: TestCallOptions = {},
  ): { readonly answer: Promise<Message>; cancel(): void } {
    let call: grpc.ClientUnaryCall | null = null;
    const answer = new Promise<Message>((fulfil, reject) => {
      const invoke = (this.#client as unknown as Record<string, Call>)[method];
      if (invoke === undefined) throw new Error(`no method ${method}`);
      call = invoke.call(this.#client, request, toMetadata(metadata), options, (error, response) =>
        error === null ? fulfil(response ?? {}) : reject(error),
      );
    });
    return { answer, cancel: () => call?.cancel() };
  }

  infer(request: Message, options: TestCallOptions = {}): Promise<Message> {
    return this.call('ModelInfer', request, options);
  }

  /** The status of a call that must fail. */
  async failure(method: string, request: Message): Promise<RpcFailure> {
    try {
      await this.call(method, request);
    } catch (error) {
      const { code, details } = error as grpc.ServiceError;
      return { code, details };
    }
    throw new Error(`${method} did not fail`);
  }

  close(): void {
    this.#client.close();
  }
}

/** `status` by its name. */
export const statusName = (code: number): string => grpc.status[code] ?? String(code);
