import { createReadStream } from 'node:fs';
import { Readable, Transform, type TransformCallback } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { type ByteSource, withFile } from './byte-source.js';

/** A file that is no zip archive, a damaged one, or one that holds what no wheel needs. */
export class ZipError extends Error {
  override readonly name = 'ZipError';
}

export interface ZipEntry {
  /** Below the archive, `/` between folders; never absolute, never with `..`. */
  readonly path: string;
  readonly bytes: number;
  readonly compressedBytes: number;
  readonly crc32: number;
  readonly method: 'stored' | 'deflated';
  /** Of its header in the archive. */
  readonly offset: number;
}

const END = { signature: 0x06054b50, bytes: 22, commentMax: 0xffff } as const;
const CENTRAL = { signature: 0x02014b50, bytes: 46 } as const;
const LOCAL = { signature: 0x04034b50, bytes: 30 } as const;
const METHODS: Readonly<Record<number, ZipEntry['method']>> = { 0: 'stored', 8: 'deflated' };
const ENTRIES_MAX = 65_535;
const DIRECTORY_BYTES_MAX = 16 << 20;

/**
 * The files in a zip archive, without its folders. Throws {@link ZipError}, also where a path would lead out
 * of the archive; archives of more than 4 GiB are refused.
 */
export function readZipEntries(path: string): ZipEntry[] {
  return withFile(path, (source) => {
    const end = findEnd(source);
    const count = end.readUInt16LE(10);
    const bytes = end.readUInt32LE(12);
    const offset = end.readUInt32LE(16);
    if (count >= ENTRIES_MAX || offset === 0xffffffff) throw new ZipError('larger than 4 GiB');
    if (bytes > DIRECTORY_BYTES_MAX) throw new ZipError('too many files');
    const directory = Buffer.from(source.read(offset, bytes));
    if (directory.byteLength !== bytes) throw new ZipError('cut short');
    const entries: ZipEntry[] = [];
    for (let at = 0, index = 0; index < count; index++) {
      const { entry, next } = readEntry(directory, at);
      if (!entry.path.endsWith('/')) entries.push(entry);
      at = next;
    }
    return entries;
  });
}

/** The content of a file in an archive; the stream fails with {@link ZipError} where it is not what it should be. */
export function readZipEntry(path: string, entry: ZipEntry): Readable {
  const start = withFile(path, (source) => {
    const header = source.read(entry.offset, LOCAL.bytes);
    if (header.byteLength !== LOCAL.bytes || header.readUInt32LE(0) !== LOCAL.signature)
      throw new ZipError(`no file where '${entry.path}' should be`);
    return entry.offset + LOCAL.bytes + header.readUInt16LE(26) + header.readUInt16LE(28);
  });
  const check = new CheckedContent(entry);
  if (entry.compressedBytes === 0) return Readable.from([]).pipe(check);
  const stored = createReadStream(path, { start, end: start + entry.compressedBytes - 1 });
  stored.on('error', (error) => check.destroy(error));
  if (entry.method === 'stored') return stored.pipe(check);
  const inflate = createInflateRaw({ chunkSize: 256 * 1024 });
  inflate.on('error', (error) => check.destroy(new ZipError(`'${entry.path}' is damaged`, { cause: error })));
  return stored.pipe(inflate).pipe(check);
}

/** Lets through what has the length and the checksum that the archive tells. */
class CheckedContent extends Transform {
  readonly #entry: ZipEntry;
  #bytes = 0;
  #crc32 = 0;

  constructor(entry: ZipEntry) {
    super();
    this.#entry = entry;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.byteLength;
    this.#crc32 = crc32(chunk, this.#crc32);
    if (this.#bytes > this.#entry.bytes) done(new ZipError(`'${this.#entry.path}' is longer than it says`));
    else done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    const { bytes, crc32: expected, path } = this.#entry;
    const whole = this.#bytes === bytes && this.#crc32 === expected;
    done(whole ? null : new ZipError(`'${path}' is damaged`));
  }
}

function findEnd(source: ByteSource): Buffer {
  const length = Math.min(source.bytes, END.bytes + END.commentMax);
  const tail = Buffer.from(source.read(source.bytes - length, length));
  for (let at = tail.byteLength - END.bytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END.signature) return tail.subarray(at);
  }
  throw new ZipError('not a zip archive');
}

function readEntry(directory: Buffer, at: number): { entry: ZipEntry; next: number } {
  if (at + CENTRAL.bytes > directory.byteLength || directory.readUInt32LE(at) !== CENTRAL.signature)
    throw new ZipError('its table of contents is damaged');
  const pathEnd = at + CENTRAL.bytes + directory.readUInt16LE(at + 28);
  const path = directory.toString('utf8', at + CENTRAL.bytes, pathEnd);
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0') || path.split('/').includes('..'))
    throw new ZipError(`'${path}' leads out of the archive`);
  const method = METHODS[directory.readUInt16LE(at + 10)];
  if (method === undefined || (directory.readUInt16LE(at + 8) & 1) !== 0)
    throw new ZipError(`'${path}' is compressed or encrypted in a way that wheels do not use`);
  const entry: ZipEntry = {
    path,
    method,
    crc32: directory.readUInt32LE(at + 16),
    compressedBytes: directory.readUInt32LE(at + 20),
    bytes: directory.readUInt32LE(at + 24),
    offset: directory.readUInt32LE(at + 42),
  };
  if (entry.bytes === 0xffffffff || entry.compressedBytes === 0xffffffff)
    throw new ZipError('larger than 4 GiB');
  return { entry, next: pathEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32) };
}
