import { once } from 'node:events';
import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { serverErrors } from '../errors/catalogue.js';
import { invariant } from '../lib/invariant.js';
import type { CallAccount } from './call-account.js';
import { streamOf } from './call-stream.js';
import { decodeMessage } from './decode-message.js';
import { HEALTH_SERVICE, INFERENCE_SERVICE, LIFECYCLE_SERVICE, readFileDescriptors } from './protos.js';
import { toGrpcStatus } from './status.js';
import { asItIs, type UnaryContext } from './unary.js';

const PATHS = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
];

type ReflectionCall = ServerDuplexStream<Buffer, Buffer>;

/** Answers one request of a reflection stream; throws ServingError for bytes that are none. */
type Answer = (request: Buffer) => Buffer;

/**
 * Registers server reflection, v1 and v1alpha, so that tools can list and describe the services without
 * proto files. The package answers, loaded when the first one asks; the streams are ours, since its own
 * write without end to a client that does not read.
 */
export function registerReflection({ server, accounts, log }: UnaryContext, streamsMax: number): void {
  let streams = 0;
  let answers: Promise<ReadonlyMap<string, Answer>> | null = null;
  for (const path of PATHS) {
    server.register<Buffer, Buffer>(
      path,
      (call: ReflectionCall) => {
        if (streams >= streamsMax) {
          call.emit('error', toGrpcStatus(serverErrors.reflectionStreams(streamsMax), path, log));
          return;
        }
        const account = accounts.of(call);
        if (account === null) return;
        streams++;
        streamOf(call).once('close', () => streams--);
        answers ??= loadAnswers();
        answers
          .then((loaded) => serve(call, account, loaded.get(path)))
          .catch((error: unknown) => {
            if (!call.cancelled) call.emit('error', toGrpcStatus(error, path, log));
          });
      },
      asItIs,
      asItIs,
      'bidi',
    );
  }
}

async function serve(call: ReflectionCall, account: CallAccount, answer: Answer | undefined): Promise<void> {
  invariant(answer !== undefined, 'the package has both versions of reflection');
  // An iterator that ends early would destroy the stream before its status is sent.
  const requests: AsyncIterable<Buffer> = call.iterator({ destroyOnReturn: false });
  for await (const request of requests) {
    if (account.compression !== null) throw serverErrors.compressionUnknown(account.compression);
    if (!call.write(answer(request))) await once(call, 'drain');
  }
  call.end();
}

/** The package's answers by path. */
async function loadAnswers(): Promise<ReadonlyMap<string, Answer>> {
  const { ReflectionService } = await import('@grpc/reflection');
  const answers = new Map<string, Answer>();
  const services = [INFERENCE_SERVICE, LIFECYCLE_SERVICE, HEALTH_SERVICE];
  new ReflectionService(descriptors(), { services }).addToServer({
    addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
      const method = service.ServerReflectionInfo;
      const handler = implementation.ServerReflectionInfo;
      invariant(method !== undefined && handler !== undefined, 'the reflection service has its one method');
      const respond = capture(handler as (stream: CapturedStream) => void);
      answers.set(method.path, (bytes) => {
        const request = decodeMessage((received): object => method.requestDeserialize(received), bytes);
        return method.responseSerialize(respond(request));
      });
    },
  });
  return answers;
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

/** The part of a stream that the package's handler uses. */
interface CapturedStream {
  on(event: string, listener: (message: object) => void): void;
  write(response: object): void;
  end(): void;
}

/** Makes a function of the package's handler, which answers every message at once. */
function capture(handler: (stream: CapturedStream) => void): (request: object) => object {
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
