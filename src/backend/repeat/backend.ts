import type { Backend } from '../backend.js';
import { RepeatInstance } from './instance.js';

/**
 * Triton's `repeat_int32`: a decoupled model that gives the elements of its input back one by one, for
 * tests of streams. Inputs IN INT32 [-1], DELAY UINT32 [-1], WAIT UINT32 [1]; outputs OUT INT32 [1] and
 * IDX UINT32 [1]. It waits `DELAY[i]` ms before answer i, and WAIT ms after the last one.
 */
export const repeatBackend: Backend = {
  name: 'repeat',
  async load({ modelName, outputs }) {
    for (const { name, datatype } of outputs) {
      const expected = name === 'OUT' ? 'INT32' : name === 'IDX' ? 'UINT32' : null;
      if (datatype !== expected) {
        throw new Error(`repeat model '${modelName}' has the outputs OUT of INT32 and IDX of UINT32 only`);
      }
    }
    return new RepeatInstance(modelName);
  },
};
