import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { MODEL_REPOSITORY } from '../paths.ts';

/** The tensor types that the imported nets use. */
export type Numbers = Float32Array | Uint8Array | Int32Array;

/** A model of the repository, loaded by ONNX Runtime on the CPU. */
export class Session {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  static async open(modelPath: string): Promise<Session> {
    const file = path.join(MODEL_REPOSITORY, modelPath);
    return new Session(
      await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 }),
    );
  }

  /** Runs the model. Outputs come by name, as flat arrays. */
  async run(inputs: Readonly<Record<string, Input>>): Promise<Readonly<Record<string, Numbers>>> {
    const feeds = Object.entries(inputs).map(([name, input]) => [name, toTensor(input)]);
    const results = await this.#session.run(Object.fromEntries(feeds));
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [name, numbersOf(name, tensor)]),
    );
  }
}

export interface Input {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

function toTensor({ data, shape }: Input): ort.Tensor {
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape);
  if (data instanceof Uint8Array) return new ort.Tensor('uint8', data, shape);
  return new ort.Tensor('int32', data, shape);
}

function numbersOf(name: string, tensor: ort.Tensor): Numbers {
  const { data } = tensor;
  if (data instanceof Float32Array || data instanceof Uint8Array || data instanceof Int32Array) return data;
  throw new Error(`the output '${name}' has the unexpected type '${tensor.type}'`);
}
