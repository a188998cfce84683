import type { Shape } from '../../tensor/shape.js';
import { elementCount } from '../../tensor/shape.js';

const LENGTH_BYTES = 4;

/**
 * Elements of a BYTES tensor as text, which is all that ORT's binding takes: bytes that are not UTF-8
 * become U+FFFD, and ORT itself ends a string at NUL. Throws RangeError when `data` ends too early.
 */
export function decodeStrings(data: Uint8Array, shape: Shape): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const strings: string[] = [];
  let offset = 0;
  for (let left = elementCount(shape); left > 0; left--) {
    const start = offset + LENGTH_BYTES;
    const end = start + bytes.readUInt32LE(offset);
    if (end > bytes.length)
      throw new RangeError(`a string of the tensor ends at byte ${end} of ${bytes.length}`);
    strings.push(bytes.toString('utf8', start, end));
    offset = end;
  }
  return strings;
}

/** The bytes of a BYTES tensor: each element's UTF-8 behind its length; owns its ArrayBuffer. */
export function encodeStrings(strings: readonly string[]): Uint8Array {
  const lengths = strings.map((text) => Buffer.byteLength(text));
  const size = lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0);
  const bytes = Buffer.from(new ArrayBuffer(size));
  let offset = 0;
  for (const [index, text] of strings.entries()) {
    offset = bytes.writeUInt32LE(lengths[index] ?? 0, offset);
    offset += bytes.write(text, offset, 'utf8');
  }
  return new Uint8Array(bytes.buffer);
}
