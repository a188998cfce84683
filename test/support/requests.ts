import {
  type InferInput,
  type InferRequest,
  NEVER_CANCELLED,
  NO_PARAMETERS,
} from '#naiad/inference/request.js';

/** A request with the usual defaults; name what matters. */
export function aRequest(overrides: Partial<InferRequest> = {}): InferRequest {
  return {
    protocol: 'grpc',
    modelName: 'simple',
    modelVersion: '',
    id: '',
    options: {
      sequenceId: 0n,
      sequenceStart: false,
      sequenceEnd: false,
      priority: 0,
      timeoutUs: 0,
      emptyFinalResponse: false,
      custom: NO_PARAMETERS,
    },
    inputs: [anInput({ name: 'INPUT0' }), anInput({ name: 'INPUT1' })],
    outputs: [],
    problems: { parameters: null, outputs: null, payload: null },
    deadlineNs: Number.POSITIVE_INFINITY,
    cancellation: NEVER_CANCELLED,
    receivedNs: 0,
    peer: 'test',
    ...overrides,
  };
}

/** One row of 16 INT32 zeros, unless said otherwise. */
export function anInput(overrides: Partial<InferInput> = {}): InferInput {
  const data = overrides.data ?? new Uint8Array(64);
  return { name: 'INPUT0', datatype: 'INT32', shape: [1, 16], byteLength: data.length, data, ...overrides };
}
