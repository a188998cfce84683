import { Buffer } from 'node:buffer';
import { queueErrors } from '../../errors/catalogue.js';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import { toServingError } from '../../errors/serving-error.js';
import type { Cancellation, InferRequest } from '../../inference/request.js';
import type { InferResponse, StreamedResponse } from '../../inference/response.js';
import { errorBody } from '../reply.js';
import type { HttpReply, HttpRequest, HttpStreamReply, RouteContext } from '../route.js';
import { bindInputs } from './bind-inputs.js';
import { HttpInferRequest, type ModelName } from './http-infer-request.js';
import { failure, holdAnswer, madeBytes } from './infer-route.js';
import type { JsonConverter } from './json-converter.js';
import type { JsonRequest } from './json-request.js';
import { reading } from './read-infer.js';
import { writeGenerated } from './write-response.js';

const EVENT_STREAM = 'text/event-stream; charset=utf-8';
const NOTHING = new Uint8Array(0);

/** Events up to here are written at once, so that they arrive as one with next to all clients. */
const EVENT_BYTES = 64 << 10;

/** Answers `POST /v2/models/{model}/generate`: the one response of a request. */
export async function answerGenerate(
  context: RouteContext,
  converter: JsonConverter,
  request: HttpRequest,
  name: ModelName,
): Promise<HttpReply> {
  const asked = await readGenerate(context, converter, request, name);
  let response: InferResponse | null = null;
  let count = 0;
  await context.service.inferStream(asked, (streamed) => {
    if (streamed.response === null) return;
    response = streamed.response;
    count++;
  });
  if (count !== 1 || response === null) throw httpInferenceErrors.generateResponses();
  return {
    kind: 'whole',
    status: 200,
    contentType: 'application/json',
    body: await writeGenerated(converter, response, (bytes) => holdAnswer(request, bytes)),
  };
}

/**
 * Answers `POST /v2/models/{model}/generate_stream`: each response is a server-sent event. The status is
 * that of the first one; an error that comes later is an event of its own, and the last.
 */
export async function answerGenerateStream(
  context: RouteContext,
  converter: JsonConverter,
  request: HttpRequest,
  name: ModelName,
): Promise<HttpReply | HttpStreamReply> {
  const asked = await readGenerate(context, converter, request, name);
  const client = new Client(request);
  const answered = new Promise<void>((resolve) => client.onFirst(resolve));
  const done = context.service.inferStream(asked, (streamed) => client.send(converter, streamed));
  await Promise.race([answered, done]);
  return {
    kind: 'stream',
    status: 200,
    contentType: EVENT_STREAM,
    async write(write) {
      client.take(write);
      try {
        await done;
      } catch (error) {
        if (request.cancellation.cancelled) return;
        failure(context, request, error);
        await write(toEvent(errorBody(toServingError(error).message)));
      }
    },
  };
}

async function readGenerate(
  { service }: RouteContext,
  converter: JsonConverter,
  request: HttpRequest,
  name: ModelName,
): Promise<InferRequest> {
  const body = await request.body();
  let json: JsonRequest;
  try {
    const tensors = service.modelMetadata(name.model, name.version).inputs;
    json = await converter.read<'generate'>({ kind: 'generate', bytes: body, tensors });
  } catch (error) {
    // The service says the same of the model, in its own order of checks.
    json = reading(() => {
      throw error;
    });
  }
  request.hold(madeBytes(json));
  return new HttpInferRequest(name, request, json, bindInputs(name.model, json.inputs, NOTHING).inputs, null);
}

/** Who gets events, once the answer has begun. */
class Client {
  readonly #cancellation: Cancellation;
  readonly #writer: Promise<(text: string) => Promise<void>>;
  #take: (write: (text: string) => Promise<void>) => void = () => {};
  #first: () => void = () => {};

  constructor({ cancellation }: HttpRequest) {
    this.#cancellation = cancellation;
    this.#writer = new Promise((resolve, reject) => {
      this.#take = resolve;
      cancellation.onCancel(() => reject(queueErrors.cancelled()));
    });
    // Nobody may be waiting when the client goes.
    this.#writer.catch(() => {});
  }

  /** Calls `listener` when the first response is there. */
  onFirst(listener: () => void): void {
    this.#first = listener;
  }

  /** Begins the answer. */
  take(write: (text: string) => Promise<void>): void {
    this.#take(write);
  }

  /** Sends a response when the client takes it. Rejects with ServingError. */
  async send(converter: JsonConverter, { response }: StreamedResponse): Promise<void> {
    if (response === null) return;
    const pieces = await writeGenerated(converter, response, () => {
      if (this.#cancellation.cancelled) throw queueErrors.cancelled();
    });
    this.#first();
    const write = await this.#writer;
    if (sizeOf(pieces) <= EVENT_BYTES) await write(toEvent(Buffer.concat(pieces).toString('utf8')));
    else {
      for (const text of ['data: ', ...pieces.map(toText), '\n\n']) await write(text);
    }
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((total, { length }) => total + length, 0);
}

function toText({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('utf8');
}

function toEvent(json: string): string {
  return `data: ${json}\n\n`;
}
