import type { Datatype } from './datatype.js';
import type { Shape } from './shape.js';

/**
 * A tensor as bytes: row-major, little-endian; BYTES elements are each a 4-byte little-endian length
 * followed by the element's bytes. `data` may be an unaligned view on a received message.
 */
export interface Tensor {
  readonly datatype: Datatype;
  readonly shape: Shape;
  readonly data: Uint8Array;
}

export interface NamedTensor extends Tensor {
  readonly name: string;
  /** `data` has its ArrayBuffer to itself and is read by nobody else: whoever runs it may hand it over. */
  readonly owned?: true;
}
