import { Buffer } from 'node:buffer';
import { closeSync } from 'node:fs';
import type { ServingError } from '../errors/serving-error.js';
import { sharedMemoryErrors } from '../errors/shared-memory-errors.js';
import type { SharedMemoryRef } from '../inference/shared-memory-ref.js';
import { LIMITS } from '../settings/limits.js';
import { OBJECT_FOLDER, type ObjectFile, openObject } from './object-file.js';
import { Region, type RegionDescription } from './region.js';

/** A part of a region that a request reads or writes until it lets go of it. */
export interface RegionPart {
  readonly region: Region;
  readonly ref: SharedMemoryRef;
  release(): void;
}

/** Objects of Triton's own, which clients must not reach. */
const RESERVED_PREFIX = 'triton_python_backend_shm_region_';

/** What `mmap` demands of offsets, with the smallest pages that there are. */
const PAGE_BYTES = 4096;

const SIZE_MAX = 2n ** 64n - 1n;

export interface RegionsOptions {
  /** Where the objects are files; null = nowhere, nothing can be registered. */
  readonly folder: string | null;
  readonly regionsMax: number;
  /** Bytes that all requests together may have copied. */
  readonly copiesBytesMax: number;
}

/** The system shared memory that clients have registered, by Triton's rules. Throws ServingError. */
export class SharedMemoryRegions {
  readonly #options: RegionsOptions;
  readonly #regions = new Map<string, Region>();
  #copiedBytes = 0;

  constructor(options: Partial<RegionsOptions> = {}) {
    this.#options = {
      folder: OBJECT_FOLDER,
      regionsMax: LIMITS.sharedMemoryRegionsMax,
      copiesBytesMax: LIMITS.sharedMemoryCopiesBytesMax,
      ...options,
    };
  }

  register(wanted: RegionDescription): void {
    const { folder, regionsMax } = this.#options;
    if (folder === null) throw sharedMemoryErrors.noSystemMemory();
    checkNames(wanted);
    const { name, key } = wanted;
    if (this.#regions.has(name)) throw sharedMemoryErrors.alreadyRegistered(name);
    // Triton refuses so what is registered already under another name.
    for (const { description } of this.#regions.values()) {
      if (description.key === key) throw sharedMemoryErrors.keyInUse(key);
    }
    if (this.#regions.size >= regionsMax) throw sharedMemoryErrors.tooMany(regionsMax);
    const file = openObject(folder, key);
    if (file === null) throw sharedMemoryErrors.notOpened(key);
    const problem = boundsProblem(wanted, file);
    if (problem !== null) {
      closeSync(file.fd);
      throw problem;
    }
    this.#regions.set(name, new Region(wanted, file));
  }

  /** One region, or all for an empty name; those that leave once their requests are answered are among them. */
  status(name: string): readonly RegionDescription[] {
    if (name === '') return [...this.#regions.values()].map(({ description }) => description);
    const region = this.#regions.get(name);
    if (region === undefined) throw sharedMemoryErrors.unknownOf('system', name);
    return [region.description];
  }

  has(name: string): boolean {
    return this.#regions.has(name);
  }

  /** Forgets a region, or all for an empty name, once no request holds it; unknown names are none. */
  unregister(name: string): void {
    const leaving = name === '' ? [...this.#regions] : [...this.#regions].filter(([key]) => key === name);
    for (const [key, region] of leaving) region.remove(() => this.#regions.delete(key));
  }

  /** Takes hold of a part of a region, until it is released, once. */
  hold(ref: SharedMemoryRef): RegionPart {
    const region = this.#regions.get(ref.region);
    if (region === undefined || region.isLeaving) throw sharedMemoryErrors.unknown(ref.region);
    const { byteSize } = region.description;
    if (ref.offset >= byteSize) throw sharedMemoryErrors.offset(ref.region);
    if (ref.byteSize > byteSize - ref.offset) throw beyondRegion(ref);
    return { region, ref, release: region.hold() };
  }

  /** Counts copies that requests hold of regions, until the returned function is called, once. */
  reserveCopies(bytes: number): () => void {
    const { copiesBytesMax } = this.#options;
    if (this.#copiedBytes + bytes > copiesBytesMax) throw sharedMemoryErrors.bytesInFlight(copiesBytesMax);
    this.#copiedBytes += bytes;
    return () => {
      this.#copiedBytes -= bytes;
    };
  }
}

/** Triton tells apart what its 64 bits do not hold. */
function beyondRegion(ref: SharedMemoryRef): ServingError {
  const [offset, exact] = [BigInt(ref.offset), BigInt(ref.byteSize)];
  const byteSize = exact > SIZE_MAX ? SIZE_MAX : exact;
  return byteSize > SIZE_MAX - offset
    ? sharedMemoryErrors.overflow(ref.region, offset, byteSize)
    : sharedMemoryErrors.byteSize(ref.region);
}

function checkNames({ name, key }: RegionDescription): void {
  for (const text of [name, key]) {
    if (Buffer.byteLength(text) > LIMITS.nameBytesMax) {
      throw sharedMemoryErrors.nameTooLong(LIMITS.nameBytesMax);
    }
  }
  const object = key.replace(/^\/+/, '');
  if (object === '') throw sharedMemoryErrors.keyEmpty(name, key);
  if (object.startsWith(RESERVED_PREFIX)) throw sharedMemoryErrors.keyReserved(name, key, RESERVED_PREFIX);
}

function boundsProblem(wanted: RegionDescription, { byteSize }: ObjectFile): ServingError | null {
  const { name, offset } = wanted;
  if (offset + wanted.byteSize > byteSize) return sharedMemoryErrors.outside(name);
  if (wanted.byteSize === 0 || offset % PAGE_BYTES !== 0) return sharedMemoryErrors.unaligned(name);
  return null;
}
