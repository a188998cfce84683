import type { EventEmitter } from 'node:events';
import { setTimeout as timer } from 'node:timers/promises';
import type { ClientReadableStream, ClientWritableStream } from '@grpc/grpc-js';
import { toInferenceError } from './errors.js';

/** The messages of a call, read only as fast as they are iterated. Cancels the call when the iteration ends. */
export async function* messagesOf<Message>(
  call: ClientReadableStream<Message>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message, void, undefined> {
  const cancel = (): void => call.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  // A call that ends with an error after its iteration has ended must not end the process.
  call.on('error', () => {});
  try {
    for await (const message of call) yield message as Message;
  } catch (error) {
    throw signal?.aborted ? signal.reason : toInferenceError(error);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}

/**
 * Sends all requests and half-closes the call; waits whenever the call has enough unsent ones. When `ended` is
 * aborted it sends no more and ends the iteration of `requests`. Rejects with what `requests` or `toMessage` throws.
 */
export async function sendAll<Request, Message>(
  call: ClientWritableStream<Message>,
  requests: AsyncIterable<Request> | Iterable<Request>,
  toMessage: (request: Request) => Message,
  ended: AbortSignal,
): Promise<void> {
  const iterator = iteratorOf(requests);
  // Not waited for: one that hangs in `next` ends when that resolves, if ever.
  const end = async (): Promise<void> => void (await iterator.return?.());
  ended.addEventListener('abort', () => void end().catch(() => {}), { once: true });
  for (;;) {
    const next = await iterator.next();
    if (ended.aborted) return;
    if (next.done === true) break;
    if (!call.write(toMessage(next.value))) await drained(call, ended);
  }
  call.end();
}

/** Resolves when the call takes more, or when it has ended. */
function drained(call: EventEmitter, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      call.off('drain', done);
      ended.removeEventListener('abort', done);
      resolve();
    };
    call.once('drain', done);
    ended.addEventListener('abort', done, { once: true });
  });
}

function iteratorOf<T>(values: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]();
}

/** Resolves after `pauseMs`; rejects with the reason of `signal`. */
export async function pauseUnlessAborted(pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await timer(pauseMs, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}
