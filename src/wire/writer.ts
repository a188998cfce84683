import { Buffer } from 'node:buffer';
import { invariant } from '../lib/invariant.js';

/** Bytes that `value`, a non-negative safe integer, takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Bytes that `value` takes as a varint; negative values take 10. */
export function varint64Size(value: bigint): number {
  let size = 1;
  for (let rest = BigInt.asUintN(64, value) >> 7n; rest !== 0n; rest >>= 7n) size++;
  return size;
}

/** UTF-8 bytes of `text`. */
export function utf8Size(text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return Buffer.byteLength(text);
  }
  return text.length;
}

/** Bytes of a length-delimited value of `length` bytes with its length and a tag of one byte. */
export function delimitedSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/**
 * Writes protobuf into a buffer whose size was computed before, field by field; it never grows. The
 * fields of a message with numbers up to 15 have tags of one byte, see `tagOf`.
 */
export class WireWriter {
  readonly buffer: Buffer;
  position = 0;

  constructor(size: number) {
    this.buffer = Buffer.allocUnsafe(size);
  }

  /** A non-negative safe integer. */
  varint(value: number): void {
    const { buffer } = this;
    let position = this.position;
    let rest = value;
    while (rest > 0x7fffffff) {
      buffer[position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      buffer[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[position++] = rest;
    this.position = position;
  }

  varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.buffer[this.position++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buffer[this.position++] = Number(rest);
  }

  double(value: number): void {
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  /** A tag and the length of what follows. */
  header(tag: number, length: number): void {
    this.buffer[this.position++] = tag;
    this.varint(length);
  }

  /** A string field; `size` is its `utf8Size`. */
  string(tag: number, text: string, size: number): void {
    this.header(tag, size);
    const { buffer, position } = this;
    if (size === text.length && size <= 32) {
      for (let index = 0; index < size; index++) buffer[position + index] = text.charCodeAt(index);
    } else {
      buffer.write(text, position, 'utf8');
    }
    this.position = position + size;
  }

  /** A bytes field. */
  bytes(tag: number, data: Uint8Array): void {
    this.header(tag, data.length);
    this.buffer.set(data, this.position);
    this.position += data.length;
  }

  /** The finished message. */
  finish(): Buffer {
    invariant(this.position === this.buffer.length, 'a message has the size that was computed for it');
    return this.buffer;
  }
}
