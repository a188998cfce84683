import type { Server, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { Log } from '../telemetry/log.js';
import { type Decoded, decodeSafely } from './decoded.js';
import { toGrpcStatus } from './status.js';

/** A call as handlers see it: who asks, until when, and whether they still wait. */
export type Call = Pick<
  ServerUnaryCall<unknown, unknown>,
  'getPeer' | 'getDeadline' | 'cancelled' | 'once' | 'off'
>;

/** How the messages of a method are read and written. */
export interface MethodCodec<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Throws for invalid bytes. */
  decode(bytes: Buffer): Request;
  encode(response: Response): Buffer;
}

/**
 * Registers a unary method so that, whatever is sent and whatever is thrown, a call is answered once and
 * with a status of ours: grpc-js itself would say UNKNOWN, or nothing at all when a promise rejects.
 * `handle` throws or rejects with ServingError for what the client can mend.
 */
export function registerUnary<Request, Response>(
  server: Server,
  { path, decode, encode }: MethodCodec<Request, Response>,
  log: Log,
  handle: (request: Request, call: Call) => Response | Promise<Response>,
): void {
  const answer = async (
    call: ServerUnaryCall<Decoded<Request>, Buffer>,
    callback: sendUnaryData<Buffer>,
  ): Promise<void> => {
    let reply: Buffer;
    try {
      const decoded = call.request;
      if (decoded.kind === 'malformed') throw decoded.error;
      reply = encode(await handle(decoded.message, call));
    } catch (error) {
      callback(toGrpcStatus(error, path, log));
      return;
    }
    callback(null, reply);
  };
  server.register<Decoded<Request>, Buffer>(
    path,
    (call: ServerUnaryCall<Decoded<Request>, Buffer>, callback: sendUnaryData<Buffer>) => {
      // Beyond answering, only grpc-js itself can throw: on a stream that has just broken.
      answer(call, callback).catch((error: unknown) => {
        log.error({ err: error, method: path }, 'could not send an answer');
      });
    },
    (reply) => reply,
    (bytes) => decodeSafely(decode, bytes),
    'unary',
  );
}
