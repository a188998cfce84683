import { Buffer } from 'node:buffer';
import type { WireReader } from '../wire/reader.js';
import type { DecodeContext } from './decode-context.js';
import { NO_BYTES } from './model.js';
import { plainBytes } from './plain-bytes.js';

/**
 * Gathers the elements of a tensor that stand in a list of numbers, packed, unpacked or both. One packed run
 * of fixed-width numbers stays a view.
 */
export class ElementSink {
  readonly #context: DecodeContext;
  #bytes: Buffer | null = null;
  #length = 0;
  #owned = false;

  constructor(context: DecodeContext) {
    this.#context = context;
  }

  /** A packed run of fixed-width little-endian numbers. */
  fixedRun(reader: WireReader): void {
    const run = reader.bytes();
    if (this.#length === 0) {
      this.#bytes = run;
      this.#length = run.length;
      this.#owned = false;
      return;
    }
    const target = this.#room(run.length);
    target.set(run, this.#length);
    this.#length += run.length;
  }

  /** One fixed-width little-endian number. */
  fixed(reader: WireReader, width: 4 | 8): void {
    const target = this.#room(width);
    reader.copy(target, this.#length, width);
    this.#length += width;
  }

  /** A packed run of varints, each of which becomes `width` bytes. */
  varintRun(reader: WireReader, width: number): void {
    const length = reader.length();
    const start = reader.position;
    const count = reader.countVarints(length);
    const target = this.#room(count * width);
    reader.position = start;
    let position = this.#length;
    for (let index = 0; index < count; index++) {
      reader.varint32();
      put(target, position, reader, width);
      position += width;
    }
    this.#length = position;
  }

  /** One varint, which becomes `width` bytes. */
  varint(reader: WireReader, width: number): void {
    reader.varint32();
    put(this.#room(width), this.#length, reader, width);
    this.#length += width;
  }

  finish(): Uint8Array {
    return this.#bytes === null ? NO_BYTES : plainBytes(this.#bytes).subarray(0, this.#length);
  }

  /** A buffer of our own that has space for `count` bytes behind what is there. */
  #room(count: number): Buffer {
    const needed = this.#length + count;
    const former = this.#bytes;
    if (former !== null && this.#owned && needed <= former.length) return former;
    // The first run is nearly always the only one: it gets what it needs and not a byte more.
    const size = former === null ? needed : Math.max(needed, former.length * 2);
    this.#context.spendData(size);
    const grown = Buffer.allocUnsafeSlow(size);
    if (former !== null) former.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    this.#owned = true;
    return grown;
  }
}

/** The low `width` bytes of the value read last. */
function put(target: Buffer, position: number, reader: WireReader, width: number): void {
  let low = reader.low;
  if (width === 1) {
    target[position] = low;
  } else if (width === 2) {
    target[position] = low;
    target[position + 1] = low >>> 8;
  } else {
    for (let index = 0; index < 4; index++) {
      target[position + index] = low;
      low >>>= 8;
    }
    if (width === 8) target.writeUInt32LE(reader.high, position + 4);
  }
}
