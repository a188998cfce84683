import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';

/** Whether this system has shared memory objects as files. */
export const HAS_SHARED_MEMORY = existsSync('/dev/shm');

/** A shared memory object of a client, in `/dev/shm`. */
export class ClientObject {
  readonly key: string;
  readonly path: string;
  readonly #fd: number;

  constructor(bytes: Uint8Array) {
    const name = `naiad_test_${randomUUID()}`;
    this.key = `/${name}`;
    this.path = `/dev/shm/${name}`;
    writeFileSync(this.path, bytes);
    this.#fd = openSync(this.path, 'r+');
  }

  read(offset: number, size: number): Buffer {
    const bytes = Buffer.alloc(size);
    const got = readSync(this.#fd, bytes, 0, size, offset);
    return bytes.subarray(0, got);
  }

  write(offset: number, bytes: Uint8Array): void {
    writeSync(this.#fd, bytes, 0, bytes.length, offset);
  }

  /** Removes the object's name; whoever has it open keeps it. */
  unlink(): void {
    rmSync(this.path, { force: true });
  }

  close(): void {
    this.unlink();
    closeSync(this.#fd);
  }
}
