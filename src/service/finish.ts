import type { RequestedOutput } from '../inference/request.js';
import { invariant } from '../lib/invariant.js';
import type { ModelSpec, OutputSpec } from '../model-config/model-spec.js';
import type { Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { classify } from './classification.js';

/**
 * Turns a backend's outputs, in the order of `wanted`, into those of the answer: shapes as configured
 * (`reshape` undone), classifications where asked for. Throws ServingError.
 */
export function finishOutputs(
  spec: ModelSpec,
  wanted: readonly RequestedOutput[],
  outputs: readonly NamedTensor[],
): readonly NamedTensor[] {
  return outputs.map((output, index) => {
    const request = wanted[index];
    const outputSpec = spec.outputs.find(({ name }) => name === output.name);
    invariant(
      request?.name === output.name && outputSpec !== undefined,
      `output ${index} of model '${spec.name}' is '${output.name}', not '${request?.name}'`,
    );
    const tensor = { ...output, shape: toConfiguredShape(spec, outputSpec, output.shape) };
    if (request.classification === 0) return tensor;
    return classify(tensor, {
      count: request.classification,
      labels: outputSpec.labels,
      batching: spec.maxBatchSize > 0,
    });
  });
}

function toConfiguredShape(spec: ModelSpec, output: OutputSpec, shape: Shape): Shape {
  if (output.backendDims === output.dims) return shape;
  const batch = spec.maxBatchSize > 0 ? shape.slice(0, 1) : [];
  const rest = shape.slice(batch.length);
  const variable = output.backendDims.flatMap((dim, axis) => (dim === -1 ? [rest[axis] ?? 1] : []));
  return [...batch, ...output.dims.map((dim) => (dim === -1 ? (variable.shift() ?? 1) : dim))];
}
