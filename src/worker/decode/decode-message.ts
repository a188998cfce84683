import type { ImageSpec } from '../../model-config/image-spec.js';
import type { DecodedPictures } from '../picture-decoder.js';

/** Serving thread -> decode thread: pictures of one request. */
export interface DecodeTask {
  readonly spec: ImageSpec;
  /** The encoded pictures one after the other; owns its ArrayBuffer. */
  readonly bytes: Uint8Array;
  /** Size of each. */
  readonly sizes: readonly number[];
}

/** Decode thread -> serving thread; the index of a problem counts from the task's first picture. */
export type DecodeReply = DecodedPictures;
