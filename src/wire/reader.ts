import { type Buffer, isUtf8 } from 'node:buffer';
import { WireError } from './wire-error.js';
import { WireType } from './wire-type.js';

const GROUP_DEPTH_MAX = 100;
/** Above this length one native call is faster than a loop over the characters. */
const SHORT_STRING_BYTES = 32;

/**
 * Reads one protobuf message front to back, as the specification and Google's own parsers do: bytes come
 * as views, unknown fields can be skipped. Every method throws {@link WireError} for invalid bytes and
 * never reads past `end`.
 */
export class WireReader {
  readonly #bytes: Buffer;
  position: number;
  end: number;
  /** Halves of the 64-bit value read last, unsigned. */
  low = 0;
  high = 0;

  constructor(bytes: Buffer, position = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** Goes on reading between two offsets of the same buffer. */
  seek(position: number, end: number): void {
    this.position = position;
    this.end = end;
  }

  /** Field number * 8 + wire type; the field number is never 0. */
  tag(): number {
    const start = this.position;
    const tag = this.varint32();
    if (this.position - start > 5 || this.high !== 0) throw new WireError('a tag is longer than 32 bits');
    if (tag < 8) throw new WireError('a field has the number 0');
    return tag;
  }

  /** Passes over the value of a field that nobody wants. */
  skip(tag: number): void {
    this.#skip(tag, 0);
  }

  /** The low 32 bits of a varint of up to 10 bytes, unsigned; the others are in `high`. */
  varint32(): number {
    const bytes = this.#bytes;
    const position = this.position;
    // Most varints have up to three bytes; the last one of the message takes the general way.
    if (position + 3 <= this.end) {
      const first = bytes[position] as number;
      if (first < 0x80) return this.#short(position + 1, first);
      const second = bytes[position + 1] as number;
      const low = (first & 0x7f) | ((second & 0x7f) << 7);
      if (second < 0x80) return this.#short(position + 2, low);
      const third = bytes[position + 2] as number;
      if (third < 0x80) return this.#short(position + 3, low | (third << 14));
    }
    this.#long();
    return this.low;
  }

  /** {@link varint32} for any length: into `low` and `high`; bits above the 64th are lost, as in C++. */
  #long(): void {
    const bytes = this.#bytes;
    let position = this.position;
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index++) {
      if (position >= this.end) throw new WireError('a varint is cut off');
      const byte = bytes[position++] as number;
      const bits = byte & 0x7f;
      if (index < 4) {
        low |= bits << (7 * index);
      } else if (index === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (7 * index - 32);
      }
      if (byte < 0x80) {
        this.position = position;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireError('a varint is longer than 10 bytes');
  }

  bool(): boolean {
    return this.varint32() !== 0 || this.high !== 0;
  }

  int64(): bigint {
    this.varint32();
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }

  uint64(): bigint {
    this.varint32();
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** An int64 that must be a safe integer; `what` names it in the error. */
  safeInt64(what: string): number {
    this.varint32();
    const value = (this.high | 0) * 2 ** 32 + this.low;
    if (!Number.isSafeInteger(value)) throw new WireError(`${what} is out of range`);
    return value;
  }

  /** An int64: a bigint only where a number can't hold it. */
  anyInt64(): number | bigint {
    this.varint32();
    const value = (this.high | 0) * 2 ** 32 + this.low;
    return Number.isSafeInteger(value)
      ? value
      : BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }

  float(): number {
    const start = this.#advance(4);
    return this.#bytes.readFloatLE(start);
  }

  double(): number {
    const start = this.#advance(8);
    return this.#bytes.readDoubleLE(start);
  }

  /** The length of a length-delimited value, which is known to be there. */
  length(): number {
    const start = this.position;
    const length = this.varint32();
    if (this.position - start > 5 || this.high !== 0) throw new WireError('a length is longer than 32 bits');
    if (length > this.end - this.position) {
      throw new WireError(`a field of ${length} bytes has only ${this.end - this.position} bytes left`);
    }
    return length;
  }

  /** A length-delimited value as a view on the message. */
  bytes(): Buffer {
    const length = this.length();
    const start = this.position;
    this.position = start + length;
    return this.#bytes.subarray(start, this.position);
  }

  /** A string of at most `bytesMax` bytes; proto3 strings must be valid UTF-8. */
  string(bytesMax: number): string {
    const length = this.length();
    if (length > bytesMax) throw new WireError(`a string of ${length} bytes exceeds ${bytesMax} bytes`);
    const start = this.position;
    const end = start + length;
    this.position = end;
    const bytes = this.#bytes;
    if (length <= SHORT_STRING_BYTES) {
      let text = '';
      let index = start;
      for (; index < end; index++) {
        const byte = bytes[index] as number;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (index === end) return text;
    }
    const text = bytes.toString('utf8', start, end);
    // What is not UTF-8 comes out as U+FFFD, which may also stand in the message itself.
    if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) {
      throw new WireError('a string is not valid UTF-8');
    }
    return text;
  }

  /** Narrows the reader to a length-delimited message; returns the end to give back to `leave`. */
  enter(): number {
    const length = this.length();
    const outerEnd = this.end;
    this.end = this.position + length;
    return outerEnd;
  }

  leave(outerEnd: number): void {
    this.end = outerEnd;
  }

  /** How many varints the next `length` bytes hold; checks them and passes over them. */
  countVarints(length: number): number {
    const bytes = this.#bytes;
    const end = this.#advance(length) + length;
    let count = 0;
    let run = 0;
    for (let index = end - length; index < end; index++) {
      const byte = bytes[index] as number;
      if (byte >= 0x80) {
        if (++run > 9) throw new WireError('a varint is longer than 10 bytes');
      } else {
        run = 0;
        count++;
      }
    }
    if (run !== 0) throw new WireError('a varint is cut off');
    return count;
  }

  /** The bytes between two offsets that lie inside the buffer. */
  view(start: number, end: number): Buffer {
    return this.#bytes.subarray(start, end);
  }

  /** Copies the next `length` bytes to `target`. */
  copy(target: Buffer, offset: number, length: number): void {
    const start = this.#advance(length);
    this.#bytes.copy(target, offset, start, start + length);
  }

  #short(position: number, value: number): number {
    this.position = position;
    this.low = value;
    this.high = 0;
    return value;
  }

  #advance(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw new WireError('a value is cut off');
    this.position = start + count;
    return start;
  }

  #skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case WireType.varint:
        this.varint32();
        break;
      case WireType.fixed64:
        this.#advance(8);
        break;
      case WireType.bytes: {
        const length = this.length();
        this.position += length;
        break;
      }
      case WireType.startGroup:
        this.#skipGroup(tag >>> 3, depth + 1);
        break;
      case WireType.fixed32:
        this.#advance(4);
        break;
      case WireType.endGroup:
        throw new WireError('a group ends that has not begun');
      default:
        throw new WireError(`a field has the unknown wire type ${tag & 7}`);
    }
  }

  #skipGroup(field: number, depth: number): void {
    if (depth > GROUP_DEPTH_MAX) throw new WireError(`groups are nested deeper than ${GROUP_DEPTH_MAX}`);
    for (;;) {
      if (this.atEnd) throw new WireError('a group does not end');
      const tag = this.tag();
      if ((tag & 7) !== WireType.endGroup) {
        this.#skip(tag, depth);
      } else if (tag >>> 3 === field) {
        return;
      } else {
        throw new WireError('a group ends that has not begun');
      }
    }
  }
}
