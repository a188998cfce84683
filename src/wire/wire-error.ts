/** Bytes that are not a valid protobuf message; the text says what is wrong with them. */
export class WireError extends Error {
  override readonly name = 'WireError';
}
