import { WireReader } from './reader.js';

/**
 * Throws WireError unless `bytes` are a sequence of whole fields. Nested messages are not looked into.
 * For decoders that are lenient, as protobufjs is with a string that is cut off.
 */
export function checkMessage(bytes: Buffer): void {
  const reader = new WireReader(bytes);
  while (!reader.atEnd) reader.skip(reader.tag());
}
