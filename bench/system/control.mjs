import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('../../proto/grpc_service.proto', import.meta.url));

/**
 * Has a model loaded as it lies in the repository. Rejects with what the server says.
 * @param {number} port
 * @param {string} model
 * @returns {Promise<void>}
 */
export async function loadModel(port, model) {
  const definition = loadSync(PROTO, { keepCase: true });
  const service = /** @type {Record<string, grpc.MethodDefinition<object, object>>} */ (
    /** @type {unknown} */ (definition['inference.GRPCInferenceService'])
  );
  const method = service.RepositoryModelLoad;
  if (method === undefined) throw new Error('no RepositoryModelLoad in the protocol');
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  try {
    await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        { model_name: model },
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      );
    });
  } finally {
    client.close();
  }
}
