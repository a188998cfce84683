import type { NamedTensor } from '../tensor/tensor.js';
import type { Parameters } from './request.js';

/** The answer to an {@link InferRequest}; tensors in the order they go on the wire. */
export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly NamedTensor[];
}
