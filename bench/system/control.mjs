import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** @param {string} file */
const proto = (file) => fileURLToPath(new URL(`../../proto/${file}`, import.meta.url));

/**
 * Has a model loaded as it lies in the repository. Rejects with what the server says.
 * @param {number} port
 * @param {string} model
 * @returns {Promise<void>}
 */
export async function loadModel(port, model) {
  await call(port, 'grpc_service.proto', 'inference.GRPCInferenceService', 'RepositoryModelLoad', {
    model_name: model,
  });
}

/**
 * How long each step of a model's last load took, ms.
 * @param {number} port
 * @param {string} model
 * @returns {Promise<Map<string, number>>}
 */
export async function loadSteps(port, model) {
  /** @type {{ entries: { event: string, steps: { name: string, ms: number }[] }[] }} */
  const { entries } = await call(port, 'naiad.proto', SERVICE, 'ModelHistory', { name: model });
  const ready = entries.filter(({ event }) => event === 'ready').at(-1);
  return new Map(ready?.steps.map(({ name, ms }) => [name, ms]));
}

const SERVICE = 'naiad.v1.ModelLifecycle';

/**
 * @param {number} port
 * @param {string} file
 * @param {string} service
 * @param {string} name
 * @param {object} request
 * @returns {Promise<any>}
 */
async function call(port, file, service, name, request) {
  const definition = loadSync(proto(file), { keepCase: true, longs: Number, defaults: true });
  const methods = /** @type {Record<string, grpc.MethodDefinition<object, object>>} */ (
    /** @type {unknown} */ (definition[service])
  );
  const method = methods?.[name];
  if (method === undefined) throw new Error(`no ${name} in ${file}`);
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      );
    });
  } finally {
    client.close();
  }
}
