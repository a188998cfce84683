import { Buffer } from 'node:buffer';
import { tagOf, WireType } from './wire-type.js';
import { varint64Size, varintSize } from './writer.js';

/** Values from this size on are handed on as they are; below it a copy costs less than a chunk of its own. */
const OWN_CHUNK_BYTES = 4096;
const FIRST_BYTES = 64;

/**
 * Writes one protobuf message whose size nobody computed before. Large values are kept as views, so that
 * hundreds of megabytes become a list of chunks without being copied; they must not change until the chunks
 * have been used.
 */
export class ChunkWriter {
  /** Bytes of the message so far. */
  size = 0;
  readonly #chunks: Uint8Array[] = [];
  /** What comes after the last chunk. */
  #tail: Buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #used = 0;

  /** An int64, int32, uint64, bool or enum field. */
  varint(field: number, value: number | bigint): void {
    this.#bare(tagOf(field, WireType.varint));
    this.#bare(value);
  }

  /** A float field. */
  float(field: number, value: number): void {
    this.#bare(tagOf(field, WireType.fixed32));
    this.#reserve(4);
    this.#used = this.#tail.writeFloatLE(value, this.#used);
  }

  /** A bytes field. */
  bytes(field: number, value: Uint8Array): void {
    this.#header(field, value.length);
    this.raw(value);
  }

  /** A string field. */
  string(field: number, value: string): void {
    const size = Buffer.byteLength(value);
    this.#header(field, size);
    this.#reserve(size);
    this.#tail.write(value, this.#used, 'utf8');
    this.#used += size;
  }

  /** A nested message, which is finished. */
  message(field: number, message: ChunkWriter): void {
    this.#header(field, message.size);
    for (const chunk of message.chunks()) this.raw(chunk);
  }

  /** Fields that are encoded already. */
  raw(encoded: Uint8Array): void {
    if (encoded.length < OWN_CHUNK_BYTES) {
      this.#reserve(encoded.length);
      this.#tail.set(encoded, this.#used);
      this.#used += encoded.length;
      return;
    }
    this.#closeTail();
    this.#chunks.push(encoded);
    this.size += encoded.length;
  }

  /** The message in order. */
  chunks(): readonly Uint8Array[] {
    return this.#used === 0 ? this.#chunks : [...this.#chunks, this.#tail.subarray(0, this.#used)];
  }

  /** The message in one piece. */
  finish(): Buffer {
    return Buffer.concat(this.chunks(), this.size);
  }

  #header(field: number, length: number): void {
    this.#bare(tagOf(field, WireType.bytes));
    this.#bare(length);
  }

  /** A varint without a tag. */
  #bare(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0) {
      this.#reserve(varintSize(value));
      let rest = value;
      while (rest >= 0x80) {
        this.#tail[this.#used++] = (rest % 0x80) | 0x80;
        rest = Math.floor(rest / 0x80);
      }
      this.#tail[this.#used++] = rest;
      return;
    }
    const wide = BigInt.asUintN(64, BigInt(value));
    this.#reserve(varint64Size(wide));
    let rest = wide;
    while (rest >= 0x80n) {
      this.#tail[this.#used++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#tail[this.#used++] = Number(rest);
  }

  /** Makes room for `count` bytes, which are written next. */
  #reserve(count: number): void {
    this.size += count;
    const needed = this.#used + count;
    if (needed <= this.#tail.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#tail.length * 2));
    this.#tail.copy(grown, 0, 0, this.#used);
    this.#tail = grown;
  }

  #closeTail(): void {
    if (this.#used === 0) return;
    this.#chunks.push(this.#tail.subarray(0, this.#used));
    this.#tail = Buffer.allocUnsafe(FIRST_BYTES);
    this.#used = 0;
  }
}
