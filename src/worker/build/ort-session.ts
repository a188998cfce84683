import { env, InferenceSession } from 'onnxruntime-node';
import type { InstanceOptions } from '../../backend/backend.js';
import { describeSession } from '../../backend/onnxruntime/describe.js';
import { oneLine, ortErrorText } from '../../backend/onnxruntime/error-text.js';
import { sessionOptions } from '../../backend/onnxruntime/session-options.js';
import { fromOrtValue, toOrtValue } from '../../backend/onnxruntime/values.js';
import type { ModelDescription } from '../../model-config/description.js';
import type { NamedTensor } from '../../tensor/tensor.js';

// Read once, before the first session of the process: what ORT has to say reaches us as an error.
env.logLevel = 'error';

/** A session for building: run by the thread that asks, one call after the other. */
export interface OrtSession {
  readonly description: ModelDescription;
  /** All outputs. Rejects with an Error that says what ONNX Runtime said. */
  run(inputs: readonly NamedTensor[]): Promise<NamedTensor[]>;
  release(): Promise<void>;
}

/**
 * A model loaded as an instance with these options would load it; `extra` goes to ONNX Runtime besides.
 * Rejects with an Error that says what ONNX Runtime said.
 */
export async function openSession(
  options: InstanceOptions,
  extra: InferenceSession.SessionOptions = {},
): Promise<OrtSession> {
  const plain = sessionOptions(options);
  const session = await telling(() =>
    InferenceSession.create(options.modelFile, {
      ...plain,
      ...extra,
      extra: { ...plain.extra, ...extra.extra },
    }),
  );
  return {
    description: describeSession(session),
    async run(inputs) {
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrtValue(input)]));
      // The declared type wants ort.Tensor; the binding reads just what these have.
      const values = await telling(() => session.run(feeds as unknown as InferenceSession.OnnxValueMapType));
      return session.outputNames.map((name) => fromOrtValue(name, values[name]));
    },
    release: () => session.release(),
  };
}

async function telling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(oneLine(ortErrorText(error)), { cause: error });
  }
}
