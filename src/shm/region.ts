import { closeSync, fstatSync } from 'node:fs';
import { ServingError } from '../errors/serving-error.js';
import { sharedMemoryErrors } from '../errors/shared-memory-errors.js';
import { invariant } from '../lib/invariant.js';
import { readBytes, readBytesSync, writeBytes, writeBytesSync } from './file-bytes.js';
import type { ObjectFile } from './object-file.js';

/** A region as clients register it and are told of it. */
export interface RegionDescription {
  /** How requests call it. */
  readonly name: string;
  /** The object's, as given to `shm_open`. */
  readonly key: string;
  /** Where the region begins in the object, in bytes. */
  readonly offset: number;
  readonly byteSize: number;
}

/**
 * A registered part of a shared memory object. It is read and written as a file and never mapped: whoever
 * made the object may cut it short at any time, and touching a mapping behind its end kills the process.
 * Offsets are within the region, whose bounds the caller has checked. Whatever the client does to the
 * object meanwhile, methods throw ServingError at most.
 */
export class Region {
  readonly description: RegionDescription;
  readonly #file: ObjectFile;
  #holds = 0;
  #removal: (() => void) | null = null;

  constructor(description: RegionDescription, file: ObjectFile) {
    this.description = description;
    this.#file = file;
  }

  /** Whether it waits to be removed, so that no further request may hold it. */
  get isLeaving(): boolean {
    return this.#removal !== null;
  }

  /** Keeps the region until the returned function is called, once. */
  hold(): () => void {
    this.#holds++;
    return () => {
      invariant(this.#holds > 0, 'a region is released once for each hold');
      if (--this.#holds === 0) this.#removal?.();
    };
  }

  /** Closes the object and calls `onRemoved`: at once, or when the last hold is released. */
  remove(onRemoved: () => void): void {
    if (this.#removal !== null) return;
    this.#removal = () => {
      closeSync(this.#file.fd);
      onRemoved();
    };
    if (this.#holds === 0) this.#removal();
  }

  /** A copy of a part of the region, with an ArrayBuffer of its own. */
  readSync(offset: number, size: number): Uint8Array {
    return this.#whole(this.#attempt(() => readBytesSync(this.#file.fd, this.#position(offset), size)));
  }

  /** {@link readSync} on another thread. */
  read(offset: number, size: number): Promise<Uint8Array> {
    return this.#elsewhere(async () =>
      this.#whole(await readBytes(this.#file.fd, this.#position(offset), size)),
    );
  }

  writeSync(offset: number, bytes: Uint8Array): void {
    this.#attempt(() => {
      this.#checkEnd(offset + bytes.length);
      writeBytesSync(this.#file.fd, this.#position(offset), bytes);
    });
  }

  /** {@link writeSync} on another thread. */
  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#elsewhere(() => {
      this.#checkEnd(offset + bytes.length);
      return writeBytes(this.#file.fd, this.#position(offset), bytes);
    });
  }

  #position(offset: number): number {
    return this.description.offset + offset;
  }

  #whole(bytes: Uint8Array | null): Uint8Array {
    if (bytes === null) throw sharedMemoryErrors.cutShort(this.description.name);
    return bytes;
  }

  /** Writing behind the end of an object would make it longer again. */
  #checkEnd(end: number): void {
    if (this.#position(end) > fstatSync(this.#file.fd).size) {
      throw sharedMemoryErrors.cutShort(this.description.name);
    }
  }

  #attempt<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw this.#toServingError(error);
    }
  }

  /** Keeps the file open meanwhile, whoever lets go: its number would soon be that of another file. */
  async #elsewhere<T>(act: () => Promise<T>): Promise<T> {
    const release = this.hold();
    try {
      return await act();
    } catch (error) {
      throw this.#toServingError(error);
    } finally {
      release();
    }
  }

  #toServingError(error: unknown): unknown {
    if (error instanceof ServingError || !(error instanceof Error)) return error;
    const reason = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
    return sharedMemoryErrors.failed(this.description.name, reason);
  }
}
