import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { invariant } from '../lib/invariant.js';
import { checkMessage } from '../wire/check-message.js';
import { WireReader } from '../wire/reader.js';
import type { MethodCodec } from './method-codec.js';

const PROTO_FOLDER = fileURLToPath(new URL('../../proto', import.meta.url));

export const INFERENCE_SERVICE = 'inference.GRPCInferenceService';
/** Path of the hot method. */
export const MODEL_INFER = `/${INFERENCE_SERVICE}/ModelInfer`;
/** The same on a stream. */
export const MODEL_STREAM_INFER = `/${INFERENCE_SERVICE}/ModelStreamInfer`;
/** Its messages may hold the files of a model. */
export const MODEL_LOAD = `/${INFERENCE_SERVICE}/RepositoryModelLoad`;
export const MODEL_UNLOAD = `/${INFERENCE_SERVICE}/RepositoryModelUnload`;
/** What this server offers beyond Triton's service. */
export const LIFECYCLE_SERVICE = 'naiad.v1.ModelLifecycle';
export const HEALTH_SERVICE = 'grpc.health.v1.Health';

/** Number of `FileDescriptorSet.file`, the only field of that message. */
const FILE = 1;

/**
 * The package's proto files as protoc's `FileDescriptorProto` messages, for reflection. proto-loader has
 * descriptors too, but names map entries otherwise than protoc, which strict clients refuse.
 */
export function readFileDescriptors(): Buffer[] {
  const reader = new WireReader(readFileSync(join(PROTO_FOLDER, 'descriptors.binpb')));
  const files: Buffer[] = [];
  while (!reader.atEnd) {
    const tag = reader.tag();
    if (tag >>> 3 === FILE) files.push(reader.bytes());
    else reader.skip(tag);
  }
  return files;
}

let loaded: Protos | null = null;

/** The services of the package's proto folder, read once in a process. */
export function loadProtos(): Protos {
  loaded ??= new Protos();
  return loaded;
}

/** See {@link loadProtos}; a new one costs a tenth of a second. */
export class Protos {
  readonly definition: PackageDefinition;

  constructor() {
    this.definition = loadSync(['grpc_service.proto', 'health.proto', 'naiad.proto'], {
      includeDirs: [PROTO_FOLDER],
      keepCase: true,
      longs: String,
      enums: String,
      defaults: true,
    });
  }

  /**
   * Codec of a method, by protobufjs: plain objects with the fields' names as in the file, all fields
   * present in requests, 64-bit integers as strings there and as numbers or strings in responses.
   * The caller names the types of the messages.
   */
  codec<Request extends object, Response extends object>(
    service: string,
    method: string,
  ): MethodCodec<Request, Response> {
    const methods = this.definition[service];
    invariant(methods !== undefined && !('format' in methods), `${service} is a service`);
    const found = methods[method];
    invariant(found !== undefined, `${service} has a method ${method}`);
    return {
      path: found.path,
      decode(bytes) {
        checkMessage(bytes);
        return found.requestDeserialize(bytes) as Request;
      },
      encode: (response) => found.responseSerialize(response),
    };
  }
}
