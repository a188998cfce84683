import type { Server, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { Log } from '../telemetry/log.js';
import type { CallAccount } from './call-account.js';
import { type CallAccounts, requestBytes } from './call-accounts.js';
import { decodeMessage } from './decode-message.js';
import type { MethodCodec } from './method-codec.js';
import { toGrpcStatus } from './status.js';

/** A call as handlers see it: who asks, until when, and whether they still wait. */
export type Call = Pick<
  ServerUnaryCall<unknown, unknown>,
  'getPeer' | 'getDeadline' | 'metadata' | 'cancelled' | 'once' | 'off'
>;

/** Where methods are registered, and what all of them need. */
export interface UnaryContext {
  readonly server: Server;
  readonly accounts: CallAccounts;
  readonly log: Log;
}

/**
 * Registers a unary method so that, whatever is sent and whatever is thrown, a call is answered once and
 * with a status of ours: grpc-js itself would say UNKNOWN, or nothing at all when a promise rejects.
 * Messages are read when the request is complete, not before. `handle` throws or rejects with
 * ServingError for what the client can mend.
 */
export function registerUnary<Request, Response>(
  { server, accounts, log }: UnaryContext,
  { path, decode, encode }: MethodCodec<Request, Response>,
  handle: (request: Request, call: Call, account: CallAccount) => Response | Promise<Response>,
): void {
  const answer = async (
    call: ServerUnaryCall<Buffer, Buffer>,
    callback: sendUnaryData<Buffer>,
  ): Promise<void> => {
    const account = accounts.complete(call);
    if (account === null) return;
    let reply: Buffer;
    try {
      const bytes = requestBytes(account, path, call.request);
      const request = decodeMessage(decode, bytes instanceof Promise ? await bytes : bytes);
      if (call.cancelled) return;
      reply = encode(await handle(request, call, account));
      account.hold(reply.length);
    } catch (error) {
      callback(toGrpcStatus(error, path, log));
      return;
    }
    callback(null, reply);
  };
  server.register<Buffer, Buffer>(
    path,
    (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      // Beyond answering, only grpc-js itself can throw: on a stream that has just broken.
      answer(call, callback).catch((error: unknown) => {
        log.error({ err: error, method: path }, 'could not send an answer');
      });
    },
    asItIs,
    asItIs,
    'unary',
  );
}

/** grpc-js hands bytes through: what a message means is found out when its call is complete. */
export function asItIs(bytes: Buffer): Buffer {
  return bytes;
}
