import type { Buffer } from 'node:buffer';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import { ServingError } from '../../errors/serving-error.js';
import type { RequestParameter } from '../../inference/request-options.js';
import { LIMITS } from '../../settings/limits.js';
import { JsonError } from './json/json-error.js';
import { JsonReader, type JsonValue } from './json/reader.js';
import type { JsonInput, JsonOutput, JsonProblem, JsonRequest } from './json-request.js';
import { isMembers, textOf } from './members.js';
import { readParameters } from './parameters.js';
import { type InputDraft, readDraft, toInput } from './read-inputs.js';
import { readOutputs } from './read-outputs.js';

/** The JSON of an inference request before its parts are looked at. */
interface Draft {
  readonly members: ReadonlyMap<string, JsonValue>;
  /** Null when `inputs` is there and no array, undefined when it is missing. */
  readonly inputs: readonly InputDraft[] | null | undefined;
}

/** Reads the JSON of an inference request. What is wrong with it is told by the answer's `problem`. */
export function readInferRequest(bytes: Buffer): JsonRequest {
  return reading((request) => {
    const { members, inputs } = readDocument(bytes);
    if (members.has('id')) request.id = textOf('id', members.get('id'));
    const parameters = members.get('parameters');
    if (parameters !== undefined) {
      if (!isMembers(parameters)) throw httpInferenceErrors.parametersNotObject();
      request.parameters = readParameters(parameters);
    }
    if (inputs === undefined) throw httpInferenceErrors.memberMissing('inputs');
    if (inputs === null) throw httpInferenceErrors.memberKind('inputs', 'array');
    request.stage = 'payload';
    for (const draft of inputs) request.inputs.push(toInput(bytes, draft));
    const outputs = members.get('outputs');
    request.stage = 'outputs';
    if (outputs !== undefined) request.outputs = readOutputs(outputs);
  });
}

function readDocument(bytes: Buffer): Draft {
  const reader = new JsonReader(bytes);
  const members = new Map<string, JsonValue>();
  let inputs: InputDraft[] | null | undefined;
  if (!reader.isObject) reader.pass();
  else {
    reader.object((name) => {
      if (name === 'inputs' && inputs === undefined && reader.isArray) inputs = readDrafts(reader);
      else if (name === 'inputs') {
        reader.pass();
        if (inputs === undefined) inputs = null;
      } else if (!MEMBERS.has(name) || members.has(name)) reader.pass();
      else members.set(name, reader.value());
    });
  }
  reader.end();
  return { members, inputs };
}

const MEMBERS = new Set(['id', 'parameters', 'outputs']);

function readDrafts(reader: JsonReader): InputDraft[] {
  const drafts: InputDraft[] = [];
  reader.array(() => {
    if (drafts.length === LIMITS.requestItemsMax) {
      throw httpInferenceErrors.tooMany('inputs', LIMITS.requestItemsMax);
    }
    drafts.push(readDraft(reader));
  });
  return drafts;
}

/** A request while it is read. */
export interface RequestInReading {
  id: string;
  parameters: ReadonlyMap<string, RequestParameter>;
  readonly inputs: JsonInput[];
  outputs: readonly JsonOutput[];
  /** Which check reports what is wrong from here on. */
  stage: JsonProblem['stage'];
}

/** What `read` makes of a request; what it throws for the client becomes its problem. */
export function reading(read: (request: RequestInReading) => void): JsonRequest {
  const request: RequestInReading = {
    id: '',
    parameters: new Map(),
    inputs: [],
    outputs: [],
    stage: 'parameters',
  };
  let problem: JsonProblem | null = null;
  try {
    read(request);
  } catch (error) {
    const { code, message } = toProblem(error);
    problem = { stage: request.stage, code, text: message };
  }
  const { id, parameters, inputs, outputs } = request;
  return { id, parameters, inputs, outputs, problem };
}

function toProblem(error: unknown): ServingError {
  if (error instanceof JsonError) return httpInferenceErrors.malformed(error.message);
  if (error instanceof ServingError) return error;
  throw error;
}
