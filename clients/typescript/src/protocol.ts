import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';
import type { ErrorInfo__Output } from './generated/google/rpc/ErrorInfo.js';
import type { RetryInfo__Output } from './generated/google/rpc/RetryInfo.js';
import type { Status__Output } from './generated/google/rpc/Status.js';
import type { HealthDefinition } from './generated/grpc/health/v1/Health.js';
import type { GRPCInferenceServiceDefinition } from './generated/inference/GRPCInferenceService.js';

const definitions: PackageDefinition = loadSync(['grpc_service.proto', 'health.proto', 'status.proto'], {
  includeDirs: [fileURLToPath(new URL('../proto', import.meta.url))],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

// What the generated types say of the same files: the only place where they are put together.
const named = definitions as unknown as {
  'inference.GRPCInferenceService': GRPCInferenceServiceDefinition;
  'grpc.health.v1.Health': HealthDefinition;
  'google.rpc.Status': MessageTypeDefinition<object, Status__Output>;
  'google.rpc.ErrorInfo': MessageTypeDefinition<object, ErrorInfo__Output>;
  'google.rpc.RetryInfo': MessageTypeDefinition<object, RetryInfo__Output>;
};

/** Methods of the inference service. */
export const inferenceMethods = named['inference.GRPCInferenceService'];
/** Methods of gRPC's health service. */
export const healthMethods = named['grpc.health.v1.Health'];
/** Messages in the trailers of a failed call. */
export const statusMessages = {
  status: named['google.rpc.Status'],
  errorInfo: named['google.rpc.ErrorInfo'],
  retryInfo: named['google.rpc.RetryInfo'],
} as const;
