import { modelErrors, queueErrors } from '../../errors/catalogue.js';
import { toServingError } from '../../errors/serving-error.js';
import type { InferenceService } from '../../service/service.js';
import { thrownReply } from '../reply.js';
import type { HttpReply, HttpRequest, RouteContext } from '../route.js';
import { bindInputs } from './bind-inputs.js';
import { jsonLength } from './header-length.js';
import { HttpInferRequest, type ModelName } from './http-infer-request.js';
import type { JsonConverter } from './json-converter.js';
import type { JsonRequest } from './json-request.js';
import { readRawRequest } from './raw-request.js';
import { writeResponse } from './write-response.js';

/** What a body says, and the binary data behind its JSON. */
interface Body {
  readonly json: JsonRequest;
  readonly binary: Uint8Array;
  /** Whether outputs are binary where the request says nothing of them. */
  readonly binaryOutput: boolean;
}

const NOTHING = new Uint8Array(0);

/** Answers `POST /v2/models/{model}/infer`. Rejects with ServingError. */
export async function answerInfer(
  context: RouteContext,
  converter: JsonConverter,
  request: HttpRequest,
  name: ModelName,
): Promise<HttpReply> {
  const { json, binary, binaryOutput } = await readBody(context.service, converter, request, name);
  request.hold(madeBytes(json));
  const bound = bindInputs(name.model, json.inputs, binary);
  const asked = new HttpInferRequest(name, request, json, bound.inputs, bound.problem);
  const binaryOutputs = new Map(json.outputs.map((output) => [output.name, output.binary]));
  try {
    const response = await context.service.infer(asked);
    // As in Triton: outputs that are listed are asked one by one.
    const isBinary = (output: string): boolean =>
      binaryOutputs.has(output) ? binaryOutputs.get(output) === true : binaryOutput;
    return await writeResponse(converter, response, isBinary, (bytes) => holdAnswer(request, bytes));
  } catch (error) {
    // Triton sets the type of an answer once it has found the model.
    if (isOfLookup(context.service, name, error)) throw error;
    return failure(context, request, error);
  }
}

async function readBody(
  service: InferenceService,
  converter: JsonConverter,
  request: HttpRequest,
  name: ModelName,
): Promise<Body> {
  const body = await request.body();
  const length = jsonLength(request.headers, body.length);
  if (length === null) {
    return { json: readRawRequest(service, name, body), binary: NOTHING, binaryOutput: true };
  }
  const binary = body.subarray(length);
  // Before the JSON is read: it may be handed to a thread.
  const json = await converter.read<'infer'>({ kind: 'infer', bytes: body.subarray(0, length) });
  const output = json.parameters.get('binary_data_output');
  return { json, binary, binaryOutput: output?.kind === 'bool' && output.value };
}

/** Bytes that JSON values take as tensors, besides the body. */
export function madeBytes({ inputs }: JsonRequest): number {
  let bytes = 0;
  for (const { source } of inputs) if (source.kind === 'json') bytes += source.data.length;
  return bytes;
}

/** Counts the text of a large answer while it grows; nothing is written for a client that has gone. */
export function holdAnswer(request: HttpRequest, bytes: number): void {
  if (request.cancellation.cancelled) throw queueErrors.cancelled();
  request.hold(bytes);
}

/** An error as an answer of this route, told to the log where it is the server's. */
export function failure({ log }: RouteContext, request: HttpRequest, error: unknown): HttpReply {
  const { isFault, cause } = toServingError(error);
  if (isFault) log.error({ err: cause ?? error, url: request.path }, 'HTTP inference failed');
  return thrownReply(error, 'application/json');
}

/** Whether an error is about which model was asked. */
function isOfLookup(service: InferenceService, { model, version }: ModelName, error: unknown): boolean {
  if (toServingError(error).message === modelErrors.decoupledOverHttp().message) return true;
  try {
    service.modelMetadata(model, version);
    return false;
  } catch {
    return true;
  }
}
