import { once } from 'node:events';
import type {
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { invariant } from '../lib/invariant.js';
import type { Log } from '../telemetry/log.js';
import { type Decoded, decodeSafely } from './decoded.js';
import { HEALTH_SERVICE, INFERENCE_SERVICE, readFileDescriptors } from './protos.js';
import { toGrpcStatus } from './status.js';

type ReflectionCall = ServerDuplexStream<Decoded<object>, object>;

/** Answers one request of a reflection stream. */
type Answer = (request: object) => object;

/**
 * Registers server reflection, v1 and v1alpha, so that tools can list and describe the services without
 * proto files. The package answers; the streams are ours, since its own writes without end to a client
 * that does not read.
 */
export function registerReflection(server: Server, log: Log): void {
  const reflection = new ReflectionService(descriptors(), { services: [INFERENCE_SERVICE, HEALTH_SERVICE] });
  reflection.addToServer({
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
      const method = service.ServerReflectionInfo;
      const handler = implementation.ServerReflectionInfo;
      invariant(method !== undefined && handler !== undefined, 'the reflection service has its one method');
      const answer = answerOf(handler as (stream: CapturedStream) => void);
      server.register<Decoded<object>, object>(
        method.path,
        (call: ReflectionCall) => {
          serve(call, answer).catch((error: unknown) => {
            if (!call.cancelled) call.emit('error', toGrpcStatus(error, method.path, log));
          });
        },
        method.responseSerialize,
        (bytes) => decodeSafely((received) => method.requestDeserialize(received) as object, bytes),
        'bidi',
      );
    },
  });
}

/**
 * A package definition with nothing but descriptors, which is all that reflection reads of one; in the
 * form of an enum, the only one that needs no codec.
 */
function descriptors(): PackageDefinition {
  return {
    files: {
      format: 'Protocol Buffer 3 EnumDescriptorProto',
      type: {},
      fileDescriptorProtos: readFileDescriptors(),
    },
  };
}

async function serve(call: ReflectionCall, answer: Answer): Promise<void> {
  // An iterator that ends early would destroy the stream before its status is sent.
  const requests: AsyncIterable<Decoded<object>> = call.iterator({ destroyOnReturn: false });
  for await (const request of requests) {
    if (request.kind === 'malformed') throw request.error;
    if (!call.write(answer(request.message))) await once(call, 'drain');
  }
  call.end();
}

/** The part of a stream that the package's handler uses. */
interface CapturedStream {
  on(event: string, listener: (message: object) => void): void;
  write(response: object): void;
  end(): void;
}

/** Makes a function of the package's handler, which answers every message at once. */
function answerOf(handler: (stream: CapturedStream) => void): Answer {
  let onData: ((message: object) => void) | null = null;
  let response: object = {};
  handler({
    on(event, listener) {
      if (event === 'data') onData = listener;
    },
    write(written) {
      response = written;
    },
    end() {},
  });
  return (request) => {
    onData?.(request);
    return response;
  };
}
