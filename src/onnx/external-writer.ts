import type { ExternalPlace } from './decode-context.js';
import { writeBytes } from './file-io.js';

/** Beyond this a tensor is worth mapping on its own: Windows maps from multiples of 64 KiB on. */
const LARGE_BYTES = 1 << 20;
const LARGE_ALIGNMENT = 1 << 16;
/** From here on a page of its own costs little. */
const PAGED_BYTES = 1 << 16;
const PAGE_ALIGNMENT = 4096;
/** A line of the cache, and the widest vector register. */
const SMALL_ALIGNMENT = 64;

/** Writes tensors one behind the other into a new file; the same memory is written once. */
export class ExternalWriter {
  readonly #location: string;
  readonly #open: () => number;
  readonly #written = new WeakMap<ArrayBufferLike, Map<string, ExternalPlace>>();
  #descriptor: number | null = null;
  /** Bytes of the file so far. */
  size = 0;

  /** `location` is what the model calls the file, which `open` creates when the first tensor comes. */
  constructor(location: string, open: () => number) {
    this.#location = location;
    this.#open = open;
  }

  /** Appends `data`, which are not empty; throws the system's error. */
  write(data: Uint8Array): ExternalPlace {
    const known = this.#written.get(data.buffer) ?? new Map<string, ExternalPlace>();
    this.#written.set(data.buffer, known);
    const key = `${data.byteOffset} ${data.length}`;
    const former = known.get(key);
    if (former !== undefined) return former;
    this.#descriptor ??= this.#open();
    const alignment = alignmentOf(data.length);
    const offset = Math.ceil(this.size / alignment) * alignment;
    writeBytes(this.#descriptor, data, offset);
    this.size = offset + data.length;
    const place = { location: this.#location, offset, bytes: data.length };
    known.set(key, place);
    return place;
  }
}

function alignmentOf(bytes: number): number {
  if (bytes >= LARGE_BYTES) return LARGE_ALIGNMENT;
  return bytes >= PAGED_BYTES ? PAGE_ALIGNMENT : SMALL_ALIGNMENT;
}
