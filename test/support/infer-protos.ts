import { resolve } from 'node:path';
import protobuf from 'protobufjs';

const FOLDER = resolve(import.meta.dirname, '../../proto');

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => resolve(FOLDER, target);
root.loadSync('grpc_service.proto', { keepCase: true });

const requestType = root.lookupType('inference.ModelInferRequest');
const responseType = root.lookupType('inference.ModelInferResponse');

/** Encodes a `ModelInferRequest` by protobufjs, from plain data with the field names of the file. */
export function encodeRequest(message: object): Buffer {
  return Buffer.from(requestType.encode(requestType.fromObject(message)).finish());
}

/** Encodes another message of the file, e.g. `RepositoryModelLoadRequest`. */
export function encodeMessage(type: string, message: object): Buffer {
  const found = root.lookupType(`inference.${type}`);
  return Buffer.from(found.encode(found.fromObject(message)).finish());
}

/** Decodes a `ModelInferResponse` by protobufjs; 64-bit integers become strings. */
export function decodeResponse(bytes: Uint8Array): Record<string, unknown> {
  return responseType.toObject(responseType.decode(bytes), { longs: String, defaults: false });
}
