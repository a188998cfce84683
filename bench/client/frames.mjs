// HTTP/2 frames and the little HPACK that one fixed gRPC call needs (RFC 9113, RFC 7541).

export const FRAME = /** @type {const} */ ({
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
});
export const FLAG = /** @type {const} */ ({ endStream: 1, ack: 1, endHeaders: 4 });
export const SETTING = /** @type {const} */ ({
  headerTableSize: 1,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
});
export const FRAME_HEADER_BYTES = 9;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** @param {number} type @param {number} flags @param {number} stream @param {Uint8Array} payload */
export function frame(type, flags, stream, payload) {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER_BYTES);
  return bytes;
}

/** @param {readonly (readonly [number, number])[]} settings */
export function settingsFrame(settings) {
  const payload = Buffer.alloc(settings.length * 6);
  for (const [index, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

/** @param {number} stream @param {number} bytes */
export function windowUpdateFrame(stream, bytes) {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, stream, payload);
}

// Entries of HPACK's static table.
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const AUTHORITY = 1;
const PATH = 4;
const CONTENT_TYPE = 31;
const WITH_INDEXING = 0x40;
/** The newest entry of the dynamic table. */
const DYNAMIC_FIRST = 62;

/** @param {string} text at most 126 bytes, sent as it is */
function hpackString(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/**
 * Header block of the first call on a connection, which fills the table, and of all further ones, which
 * refer to it.
 * @param {string} authority
 * @param {string} path
 */
export function requestHeaders(authority, path) {
  const first = Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME_HTTP, WITH_INDEXING | PATH]),
    hpackString(path),
    Buffer.from([WITH_INDEXING | AUTHORITY]),
    hpackString(authority),
    Buffer.from([WITH_INDEXING | CONTENT_TYPE]),
    hpackString('application/grpc'),
    Buffer.from([WITH_INDEXING]),
    hpackString('te'),
    hpackString('trailers'),
  ]);
  const indexed = [3, 2, 1, 0].map((age) => 0x80 | (DYNAMIC_FIRST + age));
  return { first, next: Buffer.from([METHOD_POST, SCHEME_HTTP, ...indexed]) };
}

/** `grpc-status` as it is, and in HPACK's Huffman code. */
const GRPC_STATUS_NAMES = [Buffer.from('grpc-status'), Buffer.from('9acac8b21234da8f', 'hex')];
const ZERO_VALUES = [Buffer.from('\x010'), Buffer.from('8107', 'hex')];

/**
 * Whether a trailer block carries `grpc-status: 0`. The server must have been told not to use a dynamic
 * table, so that every field is spelled out.
 * @param {Buffer} block
 */
export function isOkTrailer(block) {
  return GRPC_STATUS_NAMES.some((name) => {
    const at = block.indexOf(name);
    return (
      at !== -1 &&
      ZERO_VALUES.some((value) => value.equals(block.subarray(at + name.length, at + name.length + 2)))
    );
  });
}
