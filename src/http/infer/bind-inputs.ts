import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { ServingError } from '../../errors/serving-error.js';
import type { InferInput } from '../../inference/request.js';
import type { JsonInput } from './json-request.js';

export interface BoundInputs {
  readonly inputs: readonly InferInput[];
  /** The first thing wrong with the binary data. */
  readonly problem: ServingError | null;
}

const NO_DATA = new Uint8Array(0);

/** Gives each input its data; those behind the JSON are views on `binary`, in the order of the inputs. */
export function bindInputs(model: string, inputs: readonly JsonInput[], binary: Uint8Array): BoundInputs {
  let offset = 0;
  let problem: ServingError | null = null;
  const bound = inputs.map(({ name, datatype, shape, source }): InferInput => {
    if (source.kind === 'json') {
      const { data } = source;
      const isAlone = data.byteLength === data.buffer.byteLength;
      return { name, datatype, shape, byteLength: data.length, data, ...(isAlone && { owned: true }) };
    }
    if (source.kind === 'shared') {
      return { name, datatype, shape, byteLength: 0, data: NO_DATA, sharedMemory: source.ref };
    }
    const { byteSize } = source;
    const missing = byteSize - (binary.length - offset);
    if (missing > 0) problem ??= httpInferenceErrors.binaryMissing(model, name, missing);
    const data = binary.subarray(offset, offset + byteSize);
    offset += data.length;
    return { name, datatype, shape, byteLength: data.length, data };
  });
  if (problem === null && offset < binary.length) problem = httpInferenceErrors.binarySurplus(model);
  return { inputs: bound, problem };
}
