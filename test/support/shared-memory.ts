import { randomUUID } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

/** Whether this system has shared memory objects as files. */
export const HAS_SHARED_MEMORY = existsSync('/dev/shm');

/** A shared memory object of a client, in `/dev/shm`. */
export class ClientObject {
  readonly key: string;
  readonly path: string;

  constructor(bytes: Uint8Array) {
    const name = `naiad_test_${randomUUID()}`;
    this.key = `/${name}`;
    this.path = `/dev/shm/${name}`;
    writeFileSync(this.path, bytes);
  }

  unlink(): void {
    rmSync(this.path, { force: true });
  }
}
