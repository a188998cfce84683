import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Bytes that are read at any place, a few at a time, however large the file. */
export interface ByteSource {
  readonly bytes: number;
  /** Up to `length` bytes from `offset` on; fewer at the end. Valid until the next call. */
  read(offset: number, length: number): Buffer;
}

const WINDOW_BYTES = 64 * 1024;

/**
 * Opens a file, hands it to `use` and closes it. Small reads near to each other cost one read of the file.
 * Throws what the file system throws.
 */
export function withFile<T>(path: string, use: (source: ByteSource) => T): T {
  const descriptor = openSync(path, 'r');
  try {
    return use(fileSource(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

function fileSource(descriptor: number): ByteSource {
  const bytes = fstatSync(descriptor).size;
  const window = Buffer.alloc(WINDOW_BYTES);
  let start = 0;
  let end = 0;
  return {
    bytes,
    read(offset, length) {
      if (length > WINDOW_BYTES) {
        const own = Buffer.alloc(Math.max(0, Math.min(length, bytes - offset)));
        return own.subarray(0, fill(descriptor, own, offset));
      }
      if (offset < start || offset + length > end) {
        start = offset;
        end = offset + fill(descriptor, window, offset);
      }
      return window.subarray(offset - start, Math.min(end, offset + length) - start);
    },
  };
}

/** A source over bytes in memory. */
export function bufferSource(buffer: Buffer): ByteSource {
  return {
    bytes: buffer.byteLength,
    read: (offset, length) => buffer.subarray(offset, offset + length),
  };
}

function fill(descriptor: number, into: Buffer, offset: number): number {
  let done = 0;
  while (done < into.byteLength) {
    const count = readSync(descriptor, into, done, into.byteLength - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
