// A server whose answers a test chooses: what the real one can't be made to say at will.
import { fileURLToPath } from 'node:url';
import {
  type handleUnaryCall,
  loadPackageDefinition,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ModelInferRequest__Output } from '../../src/generated/inference/ModelInferRequest.js';
import type { ModelInferResponse } from '../../src/generated/inference/ModelInferResponse.js';

export interface Failure {
  readonly code: keyof typeof status;
  readonly details: string;
  readonly metadata?: Metadata;
}

/** What the n-th call of ModelInfer, from 0, is answered with; null = never. */
export type Answers = (
  call: number,
  request: ModelInferRequest__Output,
) => ModelInferResponse | Failure | null;

export interface FakeServer {
  readonly address: string;
  /** Calls so far. */
  calls(): number;
  /** Headers of the last call. */
  headers(): Metadata | null;
  stop(): void;
}

const definition = loadSync('grpc_service.proto', {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
});

export async function startFakeServer(answers: Answers): Promise<FakeServer> {
  const { GRPCInferenceService } = loadPackageDefinition(definition).inference as unknown as {
    GRPCInferenceService: ServiceClientConstructor;
  };
  let calls = 0;
  let headers: Metadata | null = null;
  const ModelInfer: handleUnaryCall<ModelInferRequest__Output, ModelInferResponse> = (call, respond) => {
    headers = call.metadata;
    const answer = answers(calls++, call.request);
    if (answer === null) return;
    if ('details' in answer) respond({ ...answer, code: status[answer.code] });
    else respond(null, answer);
  };
  const server = new Server();
  server.addService(GRPCInferenceService.service, { ModelInfer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    calls: () => calls,
    headers: () => headers,
    stop: () => server.forceShutdown(),
  };
}
