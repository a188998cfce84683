import type { Datatype } from '../tensor/datatype.js';
import type { Shape } from '../tensor/shape.js';

/** A tensor as the model itself declares it, batch dimension included; -1 = symbolic. */
export interface TensorDescription {
  readonly name: string;
  /** null where the v2 protocol has no such type (sequences, maps, FP8, ...). */
  readonly datatype: Datatype | null;
  /** The model's own name of the type, for messages. */
  readonly nativeType: string;
  readonly shape: Shape;
}

/** What a loaded model says of itself, the source of auto-completion; null = it has no say. */
export interface ModelDescription {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
}
