import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/**
 * @typedef {object} Answer a `ModelInferResponse` as protobufjs reads it
 * @property {string} model_name
 * @property {{ name: string, datatype: string, shape: number[] }[]} outputs
 * @property {Buffer[]} raw_output_contents
 */

const PROTO = fileURLToPath(new URL('../../proto/grpc_service.proto', import.meta.url));

/**
 * Sends one request with an ordinary client, so that a case measures answers that are known to be right.
 * Rejects with what the server says.
 * @param {number} port
 * @param {Buffer} request encoded
 * @returns {Promise<Answer>}
 */
export async function ask(port, request) {
  const definition = loadSync(PROTO, { keepCase: true, longs: Number });
  const service = /** @type {Record<string, grpc.MethodDefinition<unknown, Answer>>} */ (
    /** @type {unknown} */ (definition['inference.GRPCInferenceService'])
  );
  const method = service.ModelInfer;
  if (method === undefined) throw new Error('no ModelInfer in the protocol');
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  try {
    return await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        (/** @type {Buffer} */ bytes) => bytes,
        method.responseDeserialize,
        request,
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  } finally {
    client.close();
  }
}

/** @param {boolean} holds @param {string} what */
export function expect(holds, what) {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}
