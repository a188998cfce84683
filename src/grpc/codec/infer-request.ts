import { Buffer } from 'node:buffer';
import { outputErrors, payloadErrors } from '../../errors/catalogue.js';
import { ServingError } from '../../errors/serving-error.js';
import type {
  InferInput,
  RequestedOutput,
  RequestOptions,
  RequestProblems,
} from '../../inference/request.js';
import {
  DEFAULT_OPTIONS,
  type RequestParameter,
  readRequestOptions,
} from '../../inference/request-options.js';
import { isMistake, readSharedMemory } from '../../inference/shared-memory-parameters.js';
import { LIMITS } from '../../settings/limits.js';
import { WireReader } from '../../wire/reader.js';
import { WireError } from '../../wire/wire-error.js';
import { tagOf, WireType } from '../../wire/wire-type.js';
import { contentsProblem } from './contents.js';
import { type InputDraft, readInput } from './input.js';
import { readParameter } from './parameters.js';
import { TypedInput } from './typed-input.js';

// ModelInferRequest
const MODEL_NAME = tagOf(1, WireType.bytes);
const MODEL_VERSION = tagOf(2, WireType.bytes);
const ID = tagOf(3, WireType.bytes);
const PARAMETERS = tagOf(4, WireType.bytes);
const INPUTS = tagOf(5, WireType.bytes);
const OUTPUTS = tagOf(6, WireType.bytes);
const RAW_INPUT_CONTENTS = tagOf(7, WireType.bytes);
// InferRequestedOutputTensor
const OUTPUT_NAME = tagOf(1, WireType.bytes);
const OUTPUT_PARAMETERS = tagOf(2, WireType.bytes);

const NO_DATA = Buffer.alloc(0);
const NO_PROBLEMS: RequestProblems = { parameters: null, outputs: null, payload: null };

/** The part of an InferRequest that stands in the message. */
export interface InferMessage {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly options: RequestOptions;
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly RequestedOutput[];
  readonly problems: RequestProblems;
  /** Bytes that typed contents take as raw ones, besides the message. */
  readonly madeBytes: number;
}

interface OutputDraft {
  name: string;
  parameters: Map<string, RequestParameter> | null;
}

/**
 * Decodes a `ModelInferRequest`: raw tensors are views on `bytes`. What Triton reports only after it has
 * found the model is kept in `problems`. Throws WireError when `bytes` are no valid message.
 */
export function decodeInferRequest(bytes: Buffer): InferMessage {
  const reader = new WireReader(bytes);
  let modelName = '';
  let modelVersion = '';
  let id = '';
  let parameters: Map<string, RequestParameter> | null = null;
  const inputs: InputDraft[] = [];
  const outputs: OutputDraft[] = [];
  const raw: Buffer[] = [];
  while (!reader.atEnd) {
    const tag = reader.tag();
    switch (tag) {
      case MODEL_NAME:
        modelName = reader.string(LIMITS.nameBytesMax);
        break;
      case MODEL_VERSION:
        modelVersion = reader.string(LIMITS.nameBytesMax);
        break;
      case ID:
        id = reader.string(LIMITS.nameBytesMax);
        break;
      case PARAMETERS:
        parameters ??= new Map();
        readParameter(reader, parameters);
        break;
      case INPUTS:
        inputs.push(readInput(reader));
        if (inputs.length > LIMITS.requestItemsMax) throw tooMany('inputs');
        break;
      case OUTPUTS:
        outputs.push(readOutput(reader));
        if (outputs.length > LIMITS.requestItemsMax) throw tooMany('outputs');
        break;
      case RAW_INPUT_CONTENTS:
        raw.push(reader.bytes());
        if (raw.length > LIMITS.requestItemsMax) throw tooMany('raw_input_contents');
        break;
      default:
        reader.skip(tag);
    }
  }
  const { options, problem } = parameters === null ? DEFAULT_OPTIONS : readRequestOptions(parameters);
  const payload = bindInputs(reader, modelName, inputs, raw);
  const wanted = readRequestedOutputs(outputs);
  const hasProblem = problem !== null || payload.problem !== null || wanted.problem !== null;
  return {
    modelName,
    modelVersion,
    id,
    options,
    inputs: payload.inputs,
    outputs: wanted.outputs,
    problems: hasProblem
      ? { parameters: problem, outputs: wanted.problem, payload: payload.problem }
      : NO_PROBLEMS,
    madeBytes: payload.madeBytes,
  };
}

function tooMany(what: string): WireError {
  return new WireError(`more than ${LIMITS.requestItemsMax} ${what}`);
}

function readOutput(reader: WireReader): OutputDraft {
  const outerEnd = reader.enter();
  const output: OutputDraft = { name: '', parameters: null };
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag === OUTPUT_NAME) {
      output.name = reader.string(LIMITS.nameBytesMax);
    } else if (tag === OUTPUT_PARAMETERS) {
      output.parameters ??= new Map();
      readParameter(reader, output.parameters);
    } else {
      reader.skip(tag);
    }
  }
  reader.leave(outerEnd);
  return output;
}

interface Payload {
  readonly inputs: InferInput[];
  readonly problem: ServingError | null;
  /** Bytes that typed contents take as raw ones. */
  readonly madeBytes: number;
}

/** Gives each input its data: its own contents, or the next of the raw ones. */
function bindInputs(
  reader: WireReader,
  model: string,
  drafts: readonly InputDraft[],
  raw: readonly Buffer[],
): Payload {
  const inputs: InferInput[] = [];
  let problem: ServingError | null = null;
  let rawIndex = 0;
  let madeBytes = 0;
  for (const { name, datatype, shape, contents, sharedMemory } of drafts) {
    let input: InferInput | null = null;
    if (problem === null) {
      if (isMistake(sharedMemory)) {
        problem = sharedMemory;
      } else if (sharedMemory !== null) {
        if (contents === null) {
          input = { name, datatype, shape, byteLength: sharedMemory.byteSize, data: NO_DATA, sharedMemory };
        } else {
          problem = payloadErrors.typedInSharedMemory(model, name);
        }
      } else if (contents !== null) {
        problem =
          raw.length > 0
            ? payloadErrors.rawAndTyped(model, name)
            : contentsProblem(contents, datatype, model, name);
        if (problem === null) {
          input = new TypedInput(name, datatype, shape, contents, reader);
          madeBytes += input.byteLength;
        }
      } else if (rawIndex < raw.length) {
        const data = raw[rawIndex++] as Buffer;
        input = { name, datatype, shape, byteLength: data.length, data };
      } else {
        problem = payloadErrors.missing(model, name);
      }
    }
    inputs.push(input ?? { name, datatype, shape, byteLength: 0, data: NO_DATA });
  }
  return { inputs, problem, madeBytes };
}

/** The outputs asked for, and the first parameter of one that is wrong. */
function readRequestedOutputs(drafts: readonly OutputDraft[]): {
  readonly outputs: RequestedOutput[];
  readonly problem: ServingError | null;
} {
  const outputs: RequestedOutput[] = [];
  let problem: ServingError | null = null;
  for (const draft of drafts) {
    const read: RequestedOutput | ServingError =
      problem === null ? readRequestedOutput(draft) : plainOutput(draft);
    if (read instanceof ServingError) {
      problem = read;
      outputs.push(plainOutput(draft));
    } else {
      outputs.push(read);
    }
  }
  return { outputs, problem };
}

function plainOutput({ name }: OutputDraft): RequestedOutput {
  return { name, classification: 0 };
}

function readRequestedOutput(draft: OutputDraft): RequestedOutput | ServingError {
  const { name, parameters } = draft;
  if (parameters === null) return plainOutput(draft);
  const sharedMemory = readSharedMemory(name, parameters);
  if (isMistake(sharedMemory)) return sharedMemory;
  const classification = readClassification(parameters.get('classification'));
  if (classification instanceof ServingError) return classification;
  if (sharedMemory === null) return { name, classification };
  if (classification > 0) return outputErrors.classificationInSharedMemory();
  return { name, classification, sharedMemory };
}

/** 0 where there is none. */
function readClassification(wanted: RequestParameter | undefined): number | ServingError {
  if (wanted === undefined) return 0;
  if (wanted.kind !== 'int64') return outputErrors.classificationType();
  if (wanted.value <= 0n) return outputErrors.classificationValue();
  return Number(wanted.value);
}
