import { stagesOf, type TracedRequest, type TracedTensor } from './traced-request.js';

/** A trace as the records of Triton's trace file: who, when, and the tensors. */
export function toTritonRecords(traced: TracedRequest): readonly object[] {
  const { id, levels, modelName, modelVersion, requestId } = traced;
  const head = {
    id,
    model_name: modelName,
    model_version: modelVersion,
    ...(requestId === '' ? {} : { request_id: requestId }),
  };
  const stages = levels.includes('TIMESTAMPS') ? stagesOf(traced) : [];
  return [
    head,
    ...stages.map(({ name, ns }) => ({ id, timestamps: [{ name, ns }] })),
    ...traced.inputs.map((tensor) => toRecord(id, 'TENSOR_QUEUE_INPUT', tensor)),
    ...traced.outputs.map((tensor) => toRecord(id, 'TENSOR_BACKEND_OUTPUT', tensor)),
  ];
}

function toRecord(id: number, activity: string, { name, data, shape, datatype }: TracedTensor): object {
  return { id, activity, tensor: { name, data, shape: shape.join(','), dtype: datatype } };
}
