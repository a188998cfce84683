import { toRawContents } from './contents.js';
import type { Tensor } from './datatypes.js';
import type { ModelInferRequest } from './generated/inference/ModelInferRequest.js';
import { type Parameters, toInferParameters } from './parameters.js';

/** An output that is asked for. */
export interface RequestedOutput {
  readonly name: string;
  /** Answer with the best so many classes instead of the values; see `classesOf`. */
  readonly classes?: number;
}

/** A request to a model. */
export interface InferRequest {
  readonly model: string;
  /** By default the highest that is ready. */
  readonly version?: string | number;
  /** Comes back in the answer. */
  readonly id?: string;
  readonly inputs: readonly Tensor[];
  /** By default all of the model's. */
  readonly outputs?: readonly (string | RequestedOutput)[];
  /** Level in the model's queue, 1 being the highest; 0 or none is the model's default. */
  readonly priority?: number;
  /** How long the request may wait in the model's queue, microseconds. */
  readonly queueTimeoutUs?: number;
  readonly parameters?: Parameters;
}

export function toModelInferRequest(request: InferRequest): ModelInferRequest {
  const { priority, queueTimeoutUs } = request;
  return {
    modelName: request.model,
    modelVersion: String(request.version ?? ''),
    id: request.id ?? '',
    parameters: toInferParameters({
      ...request.parameters,
      ...(priority !== undefined && { priority }),
      ...(queueTimeoutUs !== undefined && { timeout: queueTimeoutUs }),
    }),
    inputs: request.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })),
    outputs: (request.outputs ?? []).map((output) => {
      const { name, classes }: RequestedOutput = typeof output === 'string' ? { name: output } : output;
      return {
        name,
        parameters: classes === undefined ? {} : toInferParameters({ classification: classes }),
      };
    }),
    rawInputContents: request.inputs.map(toRawContents),
  };
}
