import type { Buffer } from 'node:buffer';
import { tagOf, WireType } from '../../wire/wire-type.js';
import { delimitedSize, utf8Size, WireWriter } from '../../wire/writer.js';

// KServe's RepositoryModelLoadResponse and RepositoryModelUnloadResponse; Triton's have no fields
const MODEL_NAME = tagOf(1, WireType.bytes);
const IS_DONE = tagOf(2, WireType.varint);

/** Encodes KServe's answer to a load or unload that succeeded, `isLoaded` or `isUnloaded`; null = Triton's. */
export function encodeControlResponse(kserveModel: string | null): Buffer {
  if (kserveModel === null) return new WireWriter(0).finish();
  const size = utf8Size(kserveModel);
  const writer = new WireWriter(delimitedSize(size) + 2);
  writer.string(MODEL_NAME, kserveModel, size);
  writer.varint(IS_DONE);
  writer.varint(1);
  return writer.finish();
}
