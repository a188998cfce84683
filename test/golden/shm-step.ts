import { closeSync, openSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import type { Answer } from './recording.js';

/** What the recording client did itself, on a shared memory object. */
export interface ShmStep {
  readonly shm: 'create' | 'write' | 'read' | 'unlink';
  readonly key: string;
  readonly size?: number;
  readonly offset?: number;
  /** Base64. */
  readonly data?: string;
}

/** Does it; only reading has an answer. */
export function doShm({ shm, key, size = 0, offset = 0, data = '' }: ShmStep): Answer {
  const path = `/dev/shm${key}`;
  if (shm === 'create') {
    writeFileSync(path, '');
    truncateSync(path, size);
    return {};
  }
  if (shm === 'unlink') {
    rmSync(path, { force: true });
    return {};
  }
  const fd = openSync(path, 'r+');
  try {
    if (shm === 'write') {
      writeSync(fd, Buffer.from(data, 'base64'), 0, undefined, offset);
      return {};
    }
    const bytes = Buffer.alloc(size);
    readSync(fd, bytes, 0, size, offset);
    return { data: bytes.toString('base64') };
  } finally {
    closeSync(fd);
  }
}
