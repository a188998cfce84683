/** The same memory as a plain Uint8Array: the `slice` of a Buffer is a view, which a caller would not expect. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
