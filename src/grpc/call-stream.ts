import type { ServerHttp2Stream } from 'node:http2';
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import { invariant } from '../lib/invariant.js';

export type AnyCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>
  | ServerDuplexStream<unknown, unknown>;

/** The part of a call that is private in grpc-js's types; all tests of calls would fail without it. */
interface CallInternals {
  readonly call?: {
    readonly stream?: ServerHttp2Stream;
    readonly cancelled?: boolean;
    readonly decoder?: { readPartialMessage?: readonly Buffer[] };
  };
}

/** The HTTP/2 stream that carries a call: what says when the call has really ended. */
export function streamOf(call: AnyCall): ServerHttp2Stream {
  const stream = (call as unknown as CallInternals).call?.stream;
  invariant(stream !== undefined, 'grpc-js is the release whose calls are known here');
  return stream;
}

/**
 * Whether a call has its status already, as one whose deadline comes before its request is complete.
 * grpc-js calls the handler nevertheless, and never says again that the call is cancelled.
 */
export function isOver(call: AnyCall): boolean {
  return (call as unknown as CallInternals).call?.cancelled === true || streamOf(call).closed;
}

/** Lets go of the pieces of a message that has been put together; grpc-js keeps them until the next one. */
export function forgetPieces(call: AnyCall): void {
  const decoder = (call as unknown as CallInternals).call?.decoder;
  invariant(decoder?.readPartialMessage !== undefined, 'grpc-js is the release whose decoder is known here');
  decoder.readPartialMessage = [];
}
