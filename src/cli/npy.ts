import * as npy from '../tensor/npy.js';
import type { Tensor } from '../tensor/tensor.js';
import { CommandError } from './exit-codes.js';

export { isNpy } from '../tensor/npy.js';

/** Reads NumPy's .npy format. Throws {@link CommandError} that says how to save it otherwise. */
export function readNpy(file: Uint8Array): Tensor {
  try {
    return npy.readNpy(file);
  } catch (error) {
    throw error instanceof npy.NpyError ? new CommandError(error.message, { cause: error }) : error;
  }
}
