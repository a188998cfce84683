export { credentials } from '@grpc/grpc-js';
export type { CallOptions, ClientOptions } from './caller.js';
export {
  type HealthStatus,
  InferenceClient,
  type ModelConfig,
  type ModelMetadata,
  type ModelStatistics,
  type ServerMetadata,
  type StreamAnswer,
} from './client.js';
export type { Datatype, ElementsOf, Tensor } from './datatypes.js';
export { InferenceError, type InferenceErrorOptions, type RetryHint, type StatusName } from './errors.js';
export { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './floats.js';
export type { InferRequest, RequestedOutput } from './infer-request.js';
export { type Class, classesOf, InferResult, textsOf } from './infer-result.js';
export type { Parameters, ParameterValue } from './parameters.js';
export type { LoadOptions, RepositoryControl, RepositoryEntry, UnloadOptions } from './repository.js';
export { DEFAULT_RETRY, pauseAfter, type RetryPolicy } from './retry.js';
export { tensor } from './tensor.js';
