import { resolve } from 'node:path';
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Message } from './client.js';
import { encodeRequest } from './infer-protos.js';

const METHOD = '/inference.GRPCInferenceService/ModelStreamInfer';
const FOLDER = resolve(import.meta.dirname, '../../proto');

let readAnswer: ((bytes: Buffer) => Message) | null = null;

function loadAnswer(): (bytes: Buffer) => Message {
  const definition = loadSync(resolve(FOLDER, 'grpc_service.proto'), {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: false,
    includeDirs: [FOLDER],
  });
  const service = definition['inference.GRPCInferenceService'] as unknown as Record<
    string,
    { responseDeserialize(bytes: Buffer): Message }
  >;
  const method = service.ModelStreamInfer;
  if (method === undefined) throw new Error('no method ModelStreamInfer');
  return (bytes) => method.responseDeserialize(bytes);
}

/** An answer of a stream, in short. */
export interface StreamedAnswer {
  readonly id: string;
  /** '' when there is none. */
  readonly error: string;
  /** `triton_final_response`; null where the answer has none. */
  readonly final: boolean | null;
  /** The whole `ModelInferResponse`. */
  readonly response: Message;
}

/** How a stream ended. */
export interface StreamEnd {
  readonly code: string;
  readonly details: string;
}

/** Streams of requests to a server, by a client that knows it only by its .proto files. */
export class StreamClient {
  readonly #client: Client;

  constructor(port: number, options: ClientOptions = {}) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  open(metadata: Readonly<Record<string, string>> = {}, options: CallOptions = {}): OpenStream {
    readAnswer ??= loadAnswer();
    const headers = new Metadata();
    for (const [key, value] of Object.entries(metadata)) headers.set(key, value);
    return new OpenStream(
      this.#client.makeBidiStreamRequest(METHOD, (bytes: Buffer) => bytes, readAnswer, headers, options),
    );
  }

  /** Sends `requests`, half-closes, and gives everything that comes back. */
  async exchange(
    requests: readonly Message[],
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<StreamEnd & { readonly answers: readonly StreamedAnswer[] }> {
    const stream = this.open(metadata);
    for (const request of requests) stream.send(request);
    stream.halfClose();
    const end = await stream.ended;
    return { ...end, answers: stream.answers };
  }

  close(): void {
    this.#client.close();
  }
}

/** One stream; answers are read as they come unless it is paused. */
export class OpenStream {
  /** All that have come. */
  readonly answers: StreamedAnswer[] = [];
  readonly ended: Promise<StreamEnd>;
  readonly #call: ClientDuplexStream<Buffer, Message>;
  #taken = 0;
  #wake: () => void = () => {};

  constructor(call: ClientDuplexStream<Buffer, Message>) {
    this.#call = call;
    call.on('data', (message: Message) => {
      this.answers.push(toAnswer(message));
      this.#wake();
    });
    call.on('error', () => {});
    this.ended = new Promise((resolve) => {
      call.on('status', ({ code, details }: StatusObject) => {
        resolve({ code: status[code] ?? String(code), details });
        this.#wake();
      });
    });
  }

  send(request: Message): void {
    this.sendBytes(encodeRequest(request));
  }

  /** Returns false when the client holds what it may not send yet. */
  sendBytes(bytes: Buffer): boolean {
    return this.#call.write(bytes);
  }

  halfClose(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }

  /** Takes nothing more from the server until {@link resume}. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** The next answer; rejects when the stream has ended without. */
  async next(): Promise<StreamedAnswer> {
    let hasEnded = false;
    void this.ended.then(() => {
      hasEnded = true;
    });
    for (;;) {
      const answer = this.answers[this.#taken];
      if (answer !== undefined) {
        this.#taken++;
        return answer;
      }
      if (hasEnded) throw new Error(`the stream has ended: ${JSON.stringify(await this.ended)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      // The promise of the end is told before this looks.
      await Promise.resolve();
    }
  }
}

function toAnswer({ error_message, infer_response }: Message): StreamedAnswer {
  const response = (infer_response ?? {}) as Message;
  const parameters = (response.parameters ?? {}) as Record<string, { readonly bool_param?: boolean }>;
  return {
    id: String(response.id ?? ''),
    error: String(error_message),
    final: parameters.triton_final_response?.bool_param ?? null,
    response,
  };
}
