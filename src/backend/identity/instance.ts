import { setImmediate } from 'node:timers/promises';
import { ServingError } from '../../errors/serving-error.js';
import { systemClock } from '../../lib/clock.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import type { Instance, RunInputs, RunOutputs } from '../backend.js';
import { type Fault, injectFault } from './faults.js';

export interface IdentityOptions {
  readonly model: string;
  /** Output names in the order of the inputs that they repeat. */
  readonly outputs: readonly string[];
  readonly delayMs: number;
  readonly fault: Fault | null;
}

/** Output i of a run is its input i: datatype, shape and bytes. */
export class IdentityInstance implements Instance {
  readonly description = null;
  readonly #options: IdentityOptions;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  async run({ inputs, outputs }: RunInputs): Promise<RunOutputs> {
    const start = systemClock.nowNs();
    const { model, delayMs, fault } = this.#options;
    if (delayMs > 0) await block(delayMs);
    if (fault !== null) await injectFault(fault, model);
    const outputStart = systemClock.nowNs();
    const tensors = outputs.map((name) => this.#output(name, inputs));
    return {
      outputs: tensors,
      marks: { start, inputEnd: start, outputStart, end: systemClock.nowNs() },
    };
  }

  async release(): Promise<void> {}

  #output(name: string, inputs: readonly NamedTensor[]): NamedTensor {
    const { model, outputs } = this.#options;
    if (inputs.length !== outputs.length) {
      throw new ServingError(
        'INTERNAL',
        `identity model '${model}' needs as many inputs as outputs, got ${inputs.length} inputs for ${outputs.length} outputs`,
      );
    }
    const input = inputs[outputs.indexOf(name)];
    if (input === undefined) throw new ServingError('INTERNAL', `model '${model}' has no output '${name}'`);
    return { ...input, name };
  }
}

/** Holds the thread as computing would: nothing else in it runs meanwhile. */
async function block(durationMs: number): Promise<void> {
  await setImmediate();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
