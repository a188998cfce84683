import { once } from 'node:events';
import { connect } from 'node:net';
import {
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  frame,
  isOkTrailer,
  PREFACE,
  requestHeaders,
  SETTING,
  settingsFrame,
  windowUpdateFrame,
} from './frames.mjs';

const WINDOW_MAX = 2 ** 31 - 1;
const WINDOW_DEFAULT = 65_535;
const FRAME_DEFAULT_MAX = 16_384;
const TABLE_DEFAULT_BYTES = 4096;
/** Of a frame's header. */
const STREAM_OFFSET = 5;
/** Requests below this are copied together and leave in one write, as C++ clients' do. */
const SMALL_REQUEST_BYTES = 16_384;

/**
 * One unary call that is repeated: its frames are made once, only the stream's number changes. So a
 * request costs the client a few microseconds, and what is measured is the server.
 */
class Call {
  stream = 0;
  sentAtMs = 0;
  answerBytes = 0;

  /**
   * @param {Buffer} bytes frames of the whole request: HEADERS, then DATA
   * @param {readonly number[]} streamOffsets where the stream's number stands
   * @param {number} messageBytes what flow control counts
   */
  constructor(bytes, streamOffsets, messageBytes) {
    this.bytes = bytes;
    this.streamOffsets = streamOffsets;
    this.messageBytes = messageBytes;
  }

  /** @param {number} stream */
  address(stream) {
    this.stream = stream;
    for (const offset of this.streamOffsets) this.bytes.writeUInt32BE(stream, offset);
  }
}

/**
 * A bare HTTP/2 connection that keeps a fixed number of equal gRPC calls outstanding: each answer starts
 * the next request (closed loop). Anything but `grpc-status: 0` ends the process.
 */
export class GrpcConnection {
  /** @type {import('node:net').Socket} */
  #socket;
  #path;
  /** @type {(latencyMs: number) => void} */
  #onAnswer;
  /** @type {Map<number, Call>} */
  #calls = new Map();
  #nextStream = 1;
  #running = false;
  /** Fills the header table; not counted, not repeated. @type {Call | null} */
  #introduction = null;
  /** Trailers that were read and are fine; later ones are equal byte for byte. @type {Buffer} */
  #okTrailer = Buffer.alloc(0);

  #peerFrameMax = FRAME_DEFAULT_MAX;
  #peerStreamWindow = WINDOW_DEFAULT;
  #sendWindow = WINDOW_DEFAULT;
  #received = 0;
  /** Calls that wait for the connection's window. @type {Call[]} */
  #waiting = [];
  /** Small requests of this turn of the event loop. @type {Call[]} */
  #outgoing = [];

  /** Bytes that are not a whole frame yet. @type {Buffer} */
  #rest = Buffer.alloc(0);
  /** Of a DATA frame whose header has been read. */
  #dataLeft = 0;

  /** @type {() => void} */
  #settled = () => {};
  #ready = new Promise((/** @type {(value: void) => void} */ resolve) => {
    this.#settled = resolve;
  });

  /**
   * @param {{ port: number, path: string, onAnswer: (latencyMs: number) => void }} options
   * @returns {Promise<GrpcConnection>} once both sides' settings are in force
   */
  static async open(options) {
    const connection = new GrpcConnection(options);
    await connection.#ready;
    return connection;
  }

  /** @param {{ port: number, path: string, onAnswer: (latencyMs: number) => void }} options */
  constructor({ port, path, onAnswer }) {
    this.#path = path;
    this.#onAnswer = onAnswer;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => {
      if (this.#calls.size > 0) this.#fail('the server closed the connection');
    });
    this.#socket.write(
      Buffer.concat([
        PREFACE,
        settingsFrame([
          [SETTING.headerTableSize, 0],
          [SETTING.initialWindowSize, WINDOW_MAX],
        ]),
        windowUpdateFrame(0, WINDOW_MAX - WINDOW_DEFAULT),
      ]),
    );
  }

  /** Keeps one call for each message outstanding. @param {readonly Buffer[]} messages */
  start(messages) {
    this.#running = true;
    const { first, next } = requestHeaders('127.0.0.1', this.#path);
    const [message] = messages;
    // One more call goes first and fills the header table that the others refer to.
    if (message !== undefined) {
      this.#introduction = this.#prepare(first, message);
      this.#begin(this.#introduction);
    }
    for (const message of messages) this.#begin(this.#prepare(next, message));
    this.#flush();
  }

  /** Sends nothing new and resolves when the last answer is there. */
  async stop() {
    this.#running = false;
    while (this.#calls.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async close() {
    this.#socket.end();
    await once(this.#socket, 'close');
  }

  /**
   * @param {Buffer} headers
   * @param {Buffer} message
   * @returns {Call}
   */
  #prepare(headers, message) {
    const prefixed = Buffer.concat([Buffer.alloc(5), message]);
    prefixed.writeUInt32BE(message.length, 1);
    if (prefixed.length > this.#peerStreamWindow) {
      this.#fail(`a message of ${message.length} bytes needs a larger window than ${this.#peerStreamWindow}`);
    }
    const parts = [frame(FRAME.headers, FLAG.endHeaders, 0, headers)];
    for (let at = 0; at < prefixed.length; at += this.#peerFrameMax) {
      const end = Math.min(prefixed.length, at + this.#peerFrameMax);
      const flags = end === prefixed.length ? FLAG.endStream : 0;
      parts.push(frame(FRAME.data, flags, 0, prefixed.subarray(at, end)));
    }
    const offsets = [];
    let offset = 0;
    for (const part of parts) {
      offsets.push(offset + STREAM_OFFSET);
      offset += part.length;
    }
    return new Call(Buffer.concat(parts), offsets, prefixed.length);
  }

  /** @param {Call} call */
  #begin(call) {
    call.sentAtMs = performance.now();
    this.#send(call);
  }

  /** @param {Call} call */
  #send(call) {
    if (call.messageBytes > this.#sendWindow) {
      this.#waiting.push(call);
      return;
    }
    this.#sendWindow -= call.messageBytes;
    const stream = this.#nextStream;
    this.#nextStream += 2;
    call.address(stream);
    call.answerBytes = 0;
    this.#calls.set(stream, call);
    if (call.bytes.length < SMALL_REQUEST_BYTES) this.#outgoing.push(call);
    else this.#socket.write(call.bytes);
  }

  #flush() {
    const calls = this.#outgoing;
    if (calls.length === 0) return;
    this.#outgoing = [];
    let size = 0;
    for (const { bytes } of calls) size += bytes.length;
    const batch = Buffer.allocUnsafe(size);
    let at = 0;
    for (const { bytes } of calls) {
      batch.set(bytes, at);
      at += bytes.length;
    }
    this.#socket.write(batch);
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0) {
      if (this.#dataLeft > 0) {
        const taken = Math.min(this.#dataLeft, bytes.length);
        this.#dataLeft -= taken;
        bytes = bytes.subarray(taken);
        continue;
      }
      if (bytes.length < FRAME_HEADER_BYTES) break;
      const length = (bytes.readUInt16BE(0) << 8) | (bytes[2] ?? 0);
      const type = bytes[3] ?? 0;
      const flags = bytes[4] ?? 0;
      const stream = bytes.readUInt32BE(5);
      if (type === FRAME.data) {
        this.#data(stream, length, flags);
        bytes = bytes.subarray(FRAME_HEADER_BYTES);
        continue;
      }
      const end = FRAME_HEADER_BYTES + length;
      if (bytes.length < end) break;
      this.#control(type, flags, stream, bytes.subarray(FRAME_HEADER_BYTES, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    this.#flush();
  }

  /** @param {number} stream @param {number} length @param {number} flags */
  #data(stream, length, flags) {
    if ((flags & FLAG.endStream) !== 0) this.#fail('an answer ended without trailers');
    this.#dataLeft = length;
    const call = this.#calls.get(stream);
    if (call !== undefined) call.answerBytes += length;
    this.#received += length;
    if (this.#received > WINDOW_MAX / 2) {
      this.#socket.write(windowUpdateFrame(0, this.#received));
      this.#received = 0;
    }
  }

  /** @param {number} type @param {number} flags @param {number} stream @param {Buffer} payload */
  #control(type, flags, stream, payload) {
    switch (type) {
      case FRAME.headers:
        if ((flags & FLAG.endHeaders) === 0) this.#fail('a header block in several frames');
        if ((flags & FLAG.endStream) !== 0) this.#answered(stream, payload);
        break;
      case FRAME.settings:
        if ((flags & FLAG.ack) !== 0) this.#settled();
        else this.#adopt(payload);
        break;
      case FRAME.windowUpdate:
        if (stream === 0) this.#widen(payload.readUInt32BE());
        break;
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0) this.#socket.write(frame(FRAME.ping, FLAG.ack, 0, payload));
        break;
      case FRAME.rstStream:
        if (this.#calls.has(stream)) this.#fail(`a call was reset with code ${payload.readUInt32BE()}`);
        break;
      case FRAME.goaway:
        if (this.#calls.size > 0)
          this.#fail(`the server closed the connection: ${payload.toString('latin1')}`);
        break;
      default:
        break;
    }
  }

  /** @param {Buffer} payload of SETTINGS */
  #adopt(payload) {
    for (let at = 0; at < payload.length; at += 6) {
      const id = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      if (id === SETTING.initialWindowSize) this.#peerStreamWindow = value;
      if (id === SETTING.maxFrameSize) this.#peerFrameMax = value;
      if (id === SETTING.headerTableSize && value < TABLE_DEFAULT_BYTES) this.#fail('a smaller header table');
    }
    this.#socket.write(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
  }

  /** @param {number} bytes */
  #widen(bytes) {
    this.#sendWindow += bytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.#send(call);
  }

  /** @param {number} stream @param {Buffer} trailer */
  #answered(stream, trailer) {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    this.#calls.delete(stream);
    if (!trailer.equals(this.#okTrailer)) {
      if (!isOkTrailer(trailer)) this.#fail(`a call failed; its trailers are ${trailer.toString('hex')}`);
      this.#okTrailer = Buffer.from(trailer);
    }
    if (call.answerBytes === 0) this.#fail('an answer without a message');
    if (call === this.#introduction) return;
    this.#onAnswer(performance.now() - call.sentAtMs);
    if (this.#running) this.#begin(call);
  }

  /** @param {string} reason @returns {never} */
  #fail(reason) {
    throw new Error(`load client: ${reason}`);
  }
}
