import type { Buffer } from 'node:buffer';
import { outputErrors } from '../../errors/catalogue.js';
import { NO_PARAMETERS, type Parameters } from '../../inference/request.js';
import type { InferResponse } from '../../inference/response.js';
import { LIMITS } from '../../settings/limits.js';
import { tagOf, WireType } from '../../wire/wire-type.js';
import { delimitedSize, utf8Size, WireWriter } from '../../wire/writer.js';
import { inferResponseSize, writeInferResponse } from './infer-response.js';

// ModelStreamInferResponse
const ERROR_MESSAGE = tagOf(1, WireType.bytes);
const INFER_RESPONSE = tagOf(2, WireType.bytes);

const FINAL_RESPONSE = 'triton_final_response';
const FINAL: Parameters = new Map([[FINAL_RESPONSE, true]]);
const NOT_FINAL: Parameters = new Map([[FINAL_RESPONSE, false]]);

/** The request that an answer without tensors belongs to, as it was sent. */
export interface AnsweredRequest {
  readonly id: string;
  readonly modelName: string;
  readonly modelVersion: string;
}

/**
 * Encodes a `ModelStreamInferResponse` with an answer, in one allocation. Throws ServingError when it
 * would exceed the protocol's 2 GiB.
 */
export function encodeStreamedAnswer(response: InferResponse, isFinal: boolean): Buffer {
  return encode('', { ...response, parameters: withFinality(response.parameters, isFinal) });
}

/** The end of a decoupled model's answers, for clients that ask for one without tensors. */
export function encodeEmptyFinal(request: AnsweredRequest): Buffer {
  return encode('', withoutOutputs(request, FINAL));
}

/** An error that a request met before its model had accepted it: all that is told is the request's id. */
export function encodeRefusal(text: string, { id }: AnsweredRequest): Buffer {
  return encode(text, withoutOutputs({ id, modelName: '', modelVersion: '' }, NO_PARAMETERS));
}

/** An error that is the answer of the model. */
export function encodeFailure(text: string, request: AnsweredRequest): Buffer {
  return encode(text, withoutOutputs(request, FINAL));
}

function withFinality(parameters: Parameters, isFinal: boolean): Parameters {
  if (parameters.size === 0) return isFinal ? FINAL : NOT_FINAL;
  return new Map([...parameters, [FINAL_RESPONSE, isFinal]]);
}

function withoutOutputs(
  { id, modelName, modelVersion }: AnsweredRequest,
  parameters: Parameters,
): InferResponse {
  return { id, modelName, modelVersion, parameters, outputs: [] };
}

function encode(errorMessage: string, response: InferResponse): Buffer {
  const responseSize = inferResponseSize(response);
  const errorSize = utf8Size(errorMessage);
  const size = (errorSize === 0 ? 0 : delimitedSize(errorSize)) + delimitedSize(responseSize);
  if (size > LIMITS.messageBytesMax) throw outputErrors.tooLarge(size);
  const writer = new WireWriter(size);
  if (errorSize > 0) writer.string(ERROR_MESSAGE, errorMessage, errorSize);
  writer.header(INFER_RESPONSE, responseSize);
  writeInferResponse(writer, response);
  return writer.finish();
}
