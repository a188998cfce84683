import { resolve } from 'node:path';
import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export type Message = Record<string, unknown>;

type Method = MethodDefinition<Message, Message>;

/** A client of one service of the proto folder, or of another file. */
export class ServiceClient {
  readonly #client: Client;
  readonly #methods: ServiceDefinition;

  constructor(port: number, service: string, file: string) {
    const folder = resolve(import.meta.dirname, '../../proto');
    const definition = loadSync(resolve(folder, file), {
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
      oneofs: true,
      includeDirs: [folder],
    });
    this.#methods = definition[service] as unknown as ServiceDefinition;
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Rejects with grpc-js's ServiceError. */
  call(method: string, request: Message = {}, options: CallOptions = {}): Promise<Message> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    return new Promise((fulfil, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        (error: ServiceError | null, response) =>
          error === null ? fulfil(response as Message) : reject(error),
      );
    });
  }

  stream(method: string, request: Message): ClientReadableStream<Message> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    return this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request);
  }

  /** Sends `requests` on a bidirectional stream and gives everything that comes back until its end. */
  exchange(method: string, requests: Message[]): Promise<Message[]> {
    const { path, requestSerialize, responseDeserialize } = this.#method(method);
    const call = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const answers: Message[] = [];
    return new Promise((fulfil, reject) => {
      call.on('data', (answer: Message) => answers.push(answer));
      call.on('error', reject);
      call.on('end', () => fulfil(answers));
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  close(): void {
    this.#client.close();
  }

  #method(name: string): Method {
    const method = this.#methods[name];
    if (method === undefined) throw new Error(`no method ${name}`);
    return method as Method;
  }
}
