import { MODEL_STREAM_INFER } from '../protos.js';
import { toGrpcStatus } from '../status.js';
import { asItIs } from '../unary.js';
import type { MethodContext } from './methods.js';
import { type BidiCall, StreamCall, type StreamLimits } from './stream-call.js';

/** The open calls of ModelStreamInfer. */
export interface InferStreams {
  /** Ends each as UNAVAILABLE once the requests it has read are answered: open ones keep a server from closing. */
  close(): void;
}

/** ModelStreamInfer, any number of requests and answers on one call. */
export function registerStreamInfer(context: MethodContext, limits: StreamLimits): InferStreams {
  const { server, accounts, log } = context;
  const streams = new Set<StreamCall>();
  let isClosed = false;
  const open = (call: BidiCall): void => {
    const account = accounts.stream(call);
    if (account === null) return;
    const stream = new StreamCall({ ...context, limits }, call, account);
    streams.add(stream);
    account.afterClose(() => streams.delete(stream));
    if (isClosed) stream.shutDown();
  };
  server.register<Buffer, Buffer>(
    MODEL_STREAM_INFER,
    (call: BidiCall) => {
      try {
        open(call);
      } catch (error) {
        call.emit('error', toGrpcStatus(error, MODEL_STREAM_INFER, log));
      }
    },
    asItIs,
    asItIs,
    'bidi',
  );
  return {
    close(): void {
      isClosed = true;
      for (const stream of streams) stream.shutDown();
    },
  };
}
