import { inputErrors, outputErrors, requestPrefix } from '../errors/catalogue.js';
import type { InferInput, InferRequest, RequestedOutput } from '../inference/request.js';
import type { ServingModel } from '../lifecycle/serving-model.js';
import type { InputSpec, ModelSpec } from '../model-config/model-spec.js';
import { type CheckContext, type CheckedInput, checkInput } from './check-inputs.js';

/** A request that fits its model. */
export interface CheckedRequest {
  readonly prefix: string;
  /** In the order of the configuration. */
  readonly inputs: readonly CheckedInput[];
  /** 1 for models without a batch dimension. */
  readonly rows: number;
  /** What the answer holds, in its order. */
  readonly outputs: readonly RequestedOutput[];
}

/** What the checks look at. */
export type RequestForm = Pick<InferRequest, 'id' | 'inputs' | 'outputs' | 'problems'>;

/** The checks that come before data are looked for, wherever they are. Throws ServingError. */
export function checkForm(request: RequestForm): void {
  if (request.problems.parameters !== null) throw request.problems.parameters;
  refuseDuplicates(requestPrefix(request.id), request);
}

/**
 * Holds a request against its model, in Triton's order of checks, so that of several mistakes the same
 * one is reported. Inputs are visited last first: Triton keeps them in a hash map that iterates so.
 * Throws ServingError.
 */
export function checkRequest(request: RequestForm, model: ServingModel): CheckedRequest {
  const { spec, traits } = model;
  const prefix = requestPrefix(request.id);
  checkForm(request);
  if (request.problems.payload !== null) throw request.problems.payload;
  if (request.problems.outputs !== null) throw request.problems.outputs;

  const context: CheckContext = {
    prefix,
    model: spec.name,
    batching: spec.maxBatchSize > 0,
    bytesMustBeText: traits.bytesMustBeText,
  };
  const outputs = wantedOutputs(request.outputs, model);
  const specs = inputSpecs(context, spec, request.inputs);
  const rows = context.batching ? batchSize(context, spec, request.inputs) : 1;
  const checked = new Map<InputSpec, CheckedInput>();
  for (let i = request.inputs.length - 1; i >= 0; i--) {
    const inputSpec = specs[i] as InputSpec;
    checked.set(inputSpec, checkInput(context, inputSpec, request.inputs[i] as InferInput));
  }
  const inputs = spec.inputs.flatMap((inputSpec) => checked.get(inputSpec) ?? []);
  return { prefix, inputs, rows, outputs };
}

function refuseDuplicates(prefix: string, request: RequestForm): void {
  const input = duplicate(request.inputs);
  if (input !== undefined) throw inputErrors.duplicate(prefix, input);
  const output = duplicate(request.outputs);
  if (output !== undefined) throw outputErrors.duplicate(prefix, output);
}

function duplicate(items: readonly { readonly name: string }[]): string | undefined {
  if (items.length < 2) return undefined;
  const seen = new Set<string>();
  for (const { name } of items) {
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}

/** Requested outputs, or all of the model; in the order in which the backend's answers list them. */
function wantedOutputs(
  requested: readonly RequestedOutput[],
  { spec, traits }: ServingModel,
): readonly RequestedOutput[] {
  for (const { name } of requested) {
    if (!spec.outputs.some((output) => output.name === name)) throw outputErrors.unknown(spec.name, name);
  }
  const outputs =
    requested.length > 0 ? requested : spec.outputs.map(({ name }) => ({ name, classification: 0 }));
  if (!traits.sortsOutputs || outputs.length < 2) return outputs;
  return [...outputs].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The spec of each input of the request. */
function inputSpecs(context: CheckContext, spec: ModelSpec, inputs: readonly InferInput[]): InputSpec[] {
  const required = spec.inputs.filter(({ optional }) => !optional);
  if (inputs.length < required.length || inputs.length > spec.inputs.length) {
    throw countError(context, spec, required, inputs);
  }
  const specs: InputSpec[] = new Array(inputs.length);
  for (let i = inputs.length - 1; i >= 0; i--) {
    const { name } = inputs[i] as InferInput;
    const match = spec.inputs.find((candidate) => candidate.name === name);
    if (match === undefined) throw inputErrors.unknown(spec.name, name);
    specs[i] = match;
  }
  if (required.some(({ name }) => !inputs.some((input) => input.name === name))) {
    throw countError(context, spec, required, inputs);
  }
  return specs;
}

function countError(
  { prefix }: CheckContext,
  spec: ModelSpec,
  required: readonly InputSpec[],
  inputs: readonly InferInput[],
): Error {
  const got = inputs.map(({ name }) => name).reverse();
  const missing = required.map(({ name }) => name).filter((name) => !got.includes(name));
  return inputErrors.count(prefix, spec.name, required.length, spec.inputs.length, got, missing);
}

/** The batch size that all inputs agree on. */
function batchSize({ prefix, model }: CheckContext, spec: ModelSpec, inputs: readonly InferInput[]): number {
  let rows = -1;
  for (let i = inputs.length - 1; i >= 0; i--) {
    const { name, shape } = inputs[i] as InferInput;
    const dim = shape[0];
    if (dim === undefined) throw inputErrors.noBatchDim(prefix, model, name);
    // Triton keeps the first size unsigned, so that a negative one equals no other.
    if (i < inputs.length - 1 && (dim !== rows || dim < 0))
      throw inputErrors.batchMismatch(prefix, model, name);
    rows = dim;
  }
  // A model may have no inputs at all: one row then.
  if (inputs.length === 0) return 1;
  if (rows > spec.maxBatchSize) throw inputErrors.batchTooLarge(prefix, model, spec.maxBatchSize);
  if (rows < 1) throw inputErrors.batchEmpty(prefix, model, (inputs[0] as InferInput).name, rows);
  return rows;
}
