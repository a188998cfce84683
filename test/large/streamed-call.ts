import { type ClientHttp2Session, connect } from 'node:http2';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const WINDOW_BYTES = 16 << 20;
const FRAME_HEAD_BYTES = 5;

/** How a call ended: its status, and how many bytes of answer came before it. */
export interface CallEnd {
  readonly status: number;
  readonly message: string;
  readonly answerBytes: number;
}

/** The head of a gRPC message of `length` bytes. */
export function frameHead(length: number): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(length, 1);
  return head;
}

/** A connection for calls whose messages are never whole in this process. */
export class StreamedCalls {
  readonly #session: ClientHttp2Session;

  constructor(port: number) {
    this.#session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW_BYTES } });
    this.#session.once('connect', () => this.#session.setLocalWindowSize(WINDOW_BYTES));
    // What it breaks is told by its calls.
    this.#session.on('error', () => {});
  }

  /** Sends `pieces` as they are, gives each piece of the answer and its place to `take`. */
  async call(
    path: string,
    pieces: Iterable<Buffer>,
    take: (piece: Buffer, offset: number) => void = () => {},
  ): Promise<CallEnd> {
    const stream = this.#session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let end: Record<string, unknown> = {};
    stream.on('response', (headers) => {
      end = { ...end, ...headers };
    });
    stream.on('trailers', (headers) => {
      end = { ...end, ...headers };
    });
    let answerBytes = 0;
    stream.on('data', (piece: Buffer) => {
      take(piece, answerBytes);
      answerBytes += piece.length;
    });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    // A server that refuses does not read on.
    await pipeline(Readable.from(pieces), stream, { end: true }).catch(() => {});
    await closed;
    return {
      status: Number(end['grpc-status'] ?? -1),
      message: decodeURIComponent(String(end['grpc-message'] ?? '')),
      answerBytes,
    };
  }

  close(): void {
    this.#session.destroy();
  }
}
