import { Buffer } from 'node:buffer';
import { read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';

const readAsync = promisify(read);
const writeAsync = promisify(write);

/** The most that one call moves. */
const CHUNK_BYTES = 1 << 30;

/** Memory of its own for bytes that are about to be read: not cleared, and no part of Node's pool. */
function newBytes(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size);
}

/**
 * Bytes `position` to `position + size` of a file as a copy with an ArrayBuffer of its own; null when the
 * file ends before.
 */
export function readBytesSync(fd: number, position: number, size: number): Uint8Array | null {
  const bytes = newBytes(size);
  for (let done = 0; done < size; ) {
    const got = readSync(fd, bytes, done, Math.min(size - done, CHUNK_BYTES), position + done);
    if (got === 0) return null;
    done += got;
  }
  return bytes;
}

/** {@link readBytesSync} on another thread. */
export async function readBytes(fd: number, position: number, size: number): Promise<Uint8Array | null> {
  const bytes = newBytes(size);
  for (let done = 0; done < size; ) {
    const length = Math.min(size - done, CHUNK_BYTES);
    const { bytesRead } = await readAsync(fd, bytes, done, length, position + done);
    if (bytesRead === 0) return null;
    done += bytesRead;
  }
  return bytes;
}

/** Writes all of `bytes` from `position` on. */
export function writeBytesSync(fd: number, position: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, Math.min(bytes.length - done, CHUNK_BYTES), position + done);
  }
}

/** {@link writeBytesSync} on another thread. */
export async function writeBytes(fd: number, position: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(bytes.length - done, CHUNK_BYTES);
    const { bytesWritten } = await writeAsync(fd, bytes, done, length, position + done);
    done += bytesWritten;
  }
}
