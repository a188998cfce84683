import { Buffer } from 'node:buffer';
import { readSync, writeSync } from 'node:fs';
import { OnnxError } from './onnx-error.js';

/** One system call reads or writes at most 2 GiB. */
const CALL_BYTES_MAX = 1 << 30;

/** Reads `bytes` from `offset` on into a buffer of their own, which begins at a multiple of 8. */
export function readBytes(descriptor: number, offset: number, bytes: number): Buffer {
  const data = Buffer.allocUnsafeSlow(bytes);
  let done = 0;
  while (done < bytes) {
    const count = readSync(descriptor, data, done, Math.min(CALL_BYTES_MAX, bytes - done), offset + done);
    if (count === 0) throw new OnnxError('it ends too early');
    done += count;
  }
  return data;
}

/** The system's reason in words. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : '';
  switch (code) {
    case 'ENOENT':
      return 'it does not exist';
    case 'EACCES':
    case 'EPERM':
      return 'this process has no permission';
    case 'EISDIR':
      return 'it is a folder';
    case 'ENOSPC':
      return 'no space is left on the disk';
    case 'EEXIST':
      return 'it exists already';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return error.message;
  }
}

/** Writes all of `data` at `offset`. */
export function writeBytes(descriptor: number, data: Uint8Array, offset: number): void {
  let done = 0;
  while (done < data.length) {
    done += writeSync(descriptor, data, done, Math.min(CALL_BYTES_MAX, data.length - done), offset + done);
  }
}
