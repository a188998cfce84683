import { Buffer } from 'node:buffer';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { Parameters, ParameterValue } from '../../inference/request.js';
import type { InferResponse, ResponseOutput } from '../../inference/response.js';
import { elementCount } from '../../tensor/shape.js';
import type { HttpReply } from '../route.js';
import { JSON_LENGTH_HEADER } from './header-length.js';
import { formatDouble } from './json/write-elements.js';
import type { HoldBytes, JsonConverter } from './json-converter.js';

/** Text and bytes one after the other; texts that are short are put together. */
class Pieces {
  readonly #pieces: Uint8Array[] = [];
  #text = '';
  length = 0;

  add(text: string): void {
    this.#text += text;
  }

  addBytes(bytes: readonly Uint8Array[]): void {
    this.#flush();
    for (const piece of bytes) this.#push(piece);
  }

  finish(): readonly Uint8Array[] {
    this.#flush();
    return this.#pieces;
  }

  #flush(): void {
    if (this.#text !== '') this.#push(Buffer.from(this.#text));
    this.#text = '';
  }

  #push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.length += piece.length;
  }
}

/**
 * The answer to an inference request. Outputs for which `isBinary` holds follow the JSON as they are.
 * Rejects with ServingError when JSON can't carry an output, and with what `hold` throws.
 */
export async function writeResponse(
  converter: JsonConverter,
  response: InferResponse,
  isBinary: (output: string) => boolean,
  hold: HoldBytes,
): Promise<HttpReply> {
  const { modelName, modelVersion, id, parameters, outputs } = response;
  const json = new Pieces();
  const binary: Uint8Array[] = [];
  json.add(id === '' ? '{' : `{"id":${JSON.stringify(id)},`);
  json.add(`"model_name":${JSON.stringify(modelName)},"model_version":${JSON.stringify(modelVersion)}`);
  if (parameters.size > 0) json.add(`,"parameters":{${formatParameters(parameters).join(',')}}`);
  json.add(',"outputs":[');
  for (const [index, output] of outputs.entries()) {
    const { name, datatype, shape, data } = output;
    json.add(`${index === 0 ? '' : ','}{"name":${JSON.stringify(name)},"datatype":"${datatype}",`);
    json.add(`"shape":[${shape.join(',')}]`);
    if (output.sharedMemory !== undefined) json.add('}');
    else if (isBinary(name)) {
      json.add(`,"parameters":{"binary_data_size":${data.length}}}`);
      if (data.length > 0) binary.push(data);
    } else {
      json.add(',"data":[');
      await addElements(converter, json, output, hold);
      json.add(']}');
    }
  }
  json.add(']}');
  const text = json.finish();
  if (binary.length === 0) return { kind: 'whole', status: 200, contentType: 'application/json', body: text };
  return {
    kind: 'whole',
    status: 200,
    contentType: 'application/octet-stream',
    headers: { [JSON_LENGTH_HEADER]: `${json.length}` },
    body: [...text, ...binary],
  };
}

/**
 * A response to a generate request: outputs and parameters are members, sorted by name; an output of one
 * element is no array. Rejects with ServingError when JSON can't carry an output, and with what `hold` throws.
 */
export async function writeGenerated(
  converter: JsonConverter,
  { modelName, modelVersion, id, parameters, outputs }: InferResponse,
  hold: HoldBytes,
): Promise<readonly Uint8Array[]> {
  const members = new Map<string, string | ResponseOutput>([
    ['model_name', JSON.stringify(modelName)],
    ['model_version', JSON.stringify(modelVersion)],
  ]);
  if (id !== '') members.set('id', JSON.stringify(id));
  for (const [key, value] of parameters) members.set(key, formatParameter(value));
  for (const output of outputs) members.set(output.name, output);
  const json = new Pieces();
  let separator = '{';
  for (const name of [...members.keys()].sort()) {
    const member = members.get(name) ?? '';
    json.add(`${separator}${JSON.stringify(name)}:`);
    separator = ',';
    if (typeof member === 'string') json.add(member);
    else {
      const isArray = elementCount(member.shape) !== 1;
      if (isArray) json.add('[');
      await addElements(converter, json, member, hold);
      if (isArray) json.add(']');
    }
  }
  json.add('}');
  return json.finish();
}

async function addElements(
  converter: JsonConverter,
  json: Pieces,
  { name, datatype, data }: ResponseOutput,
  hold: HoldBytes,
): Promise<void> {
  if (datatype === 'FP16' || datatype === 'BF16') throw httpInferenceErrors.outputNotInJson(datatype);
  const text = await converter.write(datatype, data, hold);
  if (text === null) throw httpInferenceErrors.outputNotText(name);
  json.addBytes(text);
}

function formatParameters(parameters: Parameters): string[] {
  return [...parameters].map(([key, value]) => `${JSON.stringify(key)}:${formatParameter(value)}`);
}

function formatParameter(value: ParameterValue): string {
  switch (typeof value) {
    case 'bigint':
      return `${value}`;
    case 'number':
      return formatDouble(value);
    default:
      return JSON.stringify(value);
  }
}
