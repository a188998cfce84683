import type { InferenceSession } from 'onnxruntime-node';
import type { ModelDescription, TensorDescription } from '../backend.js';
import { datatypeOf } from './datatypes.js';

/** Inputs and outputs of a session as the model declares them, in its order. */
export function describeSession(session: InferenceSession): ModelDescription {
  return {
    inputs: session.inputMetadata.map(describeValue),
    outputs: session.outputMetadata.map(describeValue),
  };
}

function describeValue(value: InferenceSession.ValueMetadata): TensorDescription {
  if (!value.isTensor) {
    return { name: value.name, datatype: null, nativeType: 'sequence, map or optional', shape: [] };
  }
  return {
    name: value.name,
    datatype: datatypeOf(value.type),
    nativeType: value.type,
    // A dimension that is not a number is named, or '' where it has no name.
    shape: value.shape.map((dim) => (typeof dim === 'number' ? dim : -1)),
  };
}
