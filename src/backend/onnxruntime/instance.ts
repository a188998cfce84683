import type { InferenceSession, OnnxValue } from 'onnxruntime-node';
import { ServingError } from '../../errors/serving-error.js';
import { systemClock } from '../../lib/clock.js';
import type { Instance, ModelDescription, RunInputs, RunOutputs } from '../backend.js';
import { describeSession } from './describe.js';
import { ortErrorText } from './error-text.js';
import { fromOrtValue, type OrtValue, toOrtValue } from './values.js';

/** One session. A run holds the thread until ORT has computed. */
export class OnnxInstance implements Instance {
  readonly description: ModelDescription;
  readonly #session: InferenceSession;

  constructor(session: InferenceSession) {
    this.#session = session;
    this.description = describeSession(session);
  }

  async run({ inputs, outputs }: RunInputs): Promise<RunOutputs> {
    const start = systemClock.nowNs();
    // Without a prototype, so that no name of an input means anything else.
    const feeds: Record<string, OrtValue> = Object.create(null);
    for (const input of inputs) feeds[input.name] = toOrtValue(input);
    const inputEnd = systemClock.nowNs();
    const values = await this.#compute(feeds, outputs);
    const outputStart = systemClock.nowNs();
    const tensors = outputs.map((name) => fromOrtValue(name, values[name]));
    return { outputs: tensors, marks: { start, inputEnd, outputStart, end: systemClock.nowNs() } };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  async #compute(
    feeds: Readonly<Record<string, OrtValue>>,
    outputs: readonly string[],
  ): Promise<Readonly<Record<string, OnnxValue>>> {
    // The declared type wants ort.Tensor; the binding reads just these properties.
    const values = feeds as unknown as InferenceSession.OnnxValueMapType;
    try {
      return outputs.length === 0
        ? await this.#session.run(values)
        : await this.#session.run(values, outputs);
    } catch (error) {
      throw new ServingError('INTERNAL', ortErrorText(error), { cause: error });
    }
  }
}
