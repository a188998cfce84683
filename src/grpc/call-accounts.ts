import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { serverErrors } from '../errors/catalogue.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { decompress, isCompression } from '../service/decompress.js';
import type { InFlight } from '../service/in-flight.js';
import { LIMITS } from '../settings/limits.js';
import type { Log } from '../telemetry/log.js';
import { CallAccount } from './call-account.js';
import { type AnyCall, forgetPieces, isOver, streamOf } from './call-stream.js';
import { MODEL_INFER, MODEL_LOAD, MODEL_STREAM_INFER } from './protos.js';
import type { Gate } from './restrictions.js';
import { toGrpcStatus } from './status.js';
import { StreamAccount } from './stream-account.js';

/** Methods whose requests carry data, not only questions. */
const CARRIERS: ReadonlySet<string> = new Set([MODEL_INFER, MODEL_STREAM_INFER, MODEL_LOAD]);

/** The accounts of a door's calls: opened with their streams, closed with them. */
export class CallAccounts {
  readonly #accounts = new Map<ServerHttp2Stream, CallAccount>();
  readonly #inFlight: InFlight;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gate: Gate | null;

  constructor(inFlight: InFlight, clock: Clock, log: Log, gate: Gate | null = null) {
    this.#inFlight = inFlight;
    this.#clock = clock;
    this.#log = log;
    this.#gate = gate;
  }

  /** For a new stream, before grpc-js sees it; a stream that sends too much is refused. */
  open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const path = headers[':path'] ?? '';
    const encoding = headers['grpc-encoding'];
    // grpc-js would decompress at once and without counting.
    if (encoding !== undefined) delete headers['grpc-encoding'];
    const account = new (path === MODEL_STREAM_INFER ? StreamAccount : CallAccount)(
      this.#inFlight,
      requestBytesMax(path),
      typeof encoding === 'string' && encoding !== 'identity' ? encoding : null,
    );
    this.#accounts.set(stream, account);
    stream.on('data', (piece: Buffer) => {
      if (stream.closed || account.isRefused) return;
      try {
        account.receive(piece);
      } catch (error) {
        if (!account.refuse(error)) this.#refuse(stream, path, error);
      }
    });
    stream.once('close', () => {
      this.#accounts.delete(stream);
      account.close();
    });
    const refusal = this.#gate?.(path, headers) ?? null;
    if (refusal !== null && !account.refuse(refusal)) this.#refuse(stream, path, refusal);
  }

  /** The account of a call that has come to its handler; null when nobody waits for an answer any more. */
  of(call: AnyCall): CallAccount | null {
    const account = this.#accounts.get(streamOf(call));
    return account === undefined || account.isRefused || isOver(call) ? null : account;
  }

  /** {@link of} for a call of `ModelStreamInfer`. */
  stream(call: AnyCall): StreamAccount | null {
    const account = this.of(call);
    invariant(account === null || account instanceof StreamAccount, 'a stream of requests has its account');
    return account;
  }

  /** {@link of} for a call whose whole request has come, as one message. */
  complete(call: AnyCall): CallAccount | null {
    const account = this.of(call);
    if (account === null) return null;
    forgetPieces(call);
    account.complete();
    return account;
  }

  #refuse(stream: ServerHttp2Stream, path: string, error: unknown): void {
    const { code, details, metadata } = toGrpcStatus(error, path, this.#log);
    if (!stream.headersSent) {
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc+proto',
          'grpc-status': code,
          'grpc-message': encodeURI(details),
          ...metadata.toHttp2Headers(),
        },
        { endStream: true },
      );
    }
    // grpc-js does not know of it, and to answer twice is an exception.
    stream.respond = () => {};
    // A reset overtakes headers that have not left yet, as of Node 22.
    this.#clock.afterTurn(() => stream.close(constants.NGHTTP2_NO_ERROR));
  }
}

/**
 * The message of a call, decompressed and counted. A promise only where there is something to do;
 * throws and rejects with ServingError.
 */
export function requestBytes(
  account: Pick<CallAccount, 'compression' | 'hold'>,
  path: string,
  message: Buffer,
): Buffer | Promise<Buffer> {
  const { compression } = account;
  if (compression === null) return message;
  if (!isCompression(compression)) throw serverErrors.compressionUnknown(compression);
  const bytesMax = Math.min(requestBytesMax(path), LIMITS.decompressedBytesMax);
  return decompress(message, compression, {
    bytesMax,
    tooLarge: serverErrors.decompressedTooLarge,
    hold: (bytes) => account.hold(bytes),
  });
}

function requestBytesMax(path: string): number {
  return CARRIERS.has(path) ? LIMITS.messageBytesMax : LIMITS.otherRequestBytesMax;
}
