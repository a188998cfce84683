import type { ImageSpec } from '../model-config/image-spec.js';

/** A picture that could not be decoded: which one, and why in words for the client. */
export interface PictureProblem {
  readonly index: number;
  readonly reason: string;
}

export type DecodedPictures =
  | {
      readonly kind: 'decoded';
      /** All pictures one after the other in the layout and datatype of the spec; owns its ArrayBuffer. */
      readonly data: Uint8Array;
    }
  | { readonly kind: 'refused'; readonly problem: PictureProblem };

/** Decodes encoded pictures off the serving thread. */
export interface PictureDecoder {
  /**
   * Never rejects for what is in the pictures; `pictures` are copied before the call returns. Rejects with
   * ServingError: UNAVAILABLE when too many wait already or it has been closed, INTERNAL when a thread failed.
   */
  decode(spec: ImageSpec, pictures: readonly Uint8Array[]): Promise<DecodedPictures>;
  /** Resolves when the running ones are done and the threads have ended. */
  close(): Promise<void>;
}
