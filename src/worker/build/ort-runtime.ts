import type { InstanceOptions } from '../../backend/backend.js';
import { toOrtValue } from '../../backend/onnxruntime/values.js';
import type { Sample } from '../../quantize/calibration/collect.js';
import type { RunnableModel, Runtime } from '../../quantize/runtime.js';
import type { Shape } from '../../tensor/shape.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import { compileModel } from './compile.js';
import { openSession } from './ort-session.js';

/**
 * Runs models on the CPU as an instance with these options would, wherever they will be served: a GPU is
 * for what serves.
 */
export class OrtRuntime implements Runtime {
  readonly #options: InstanceOptions;
  readonly #shapes: ReadonlyMap<string, Shape>;

  constructor(options: InstanceOptions, shapes: ReadonlyMap<string, Shape>) {
    this.#options = { ...options, device: { kind: 'cpu' } };
    this.#shapes = shapes;
  }

  open(modelFile: string, compiled: boolean): Promise<RunnableModel> {
    return openSession({ ...this.#options, modelFile, compiled });
  }

  compile(modelFile: string, directory: string): Promise<string> {
    return compileModel({
      options: { ...this.#options, modelFile },
      directory,
      shapes: this.#shapes,
    });
  }

  toSample(inputs: readonly NamedTensor[]): Sample {
    return Object.fromEntries(inputs.map((input) => [input.name, toOrtValue(input)]));
  }
}
