import type { Backend } from '../backend.js';
import { ort } from './binding.js';
import { oneLine, ortErrorText } from './error-text.js';
import type { ExternalBytes } from './external-bytes.js';
import { OnnxInstance } from './instance.js';
import { sessionOptions } from './session-options.js';

// ORT's own lines go to standard error past our log: only what no exception tells, such as the name of a
// CUDA library that can't be opened. Read once, before the first session of the process.
ort.env.logLevel = 'error';

/** Numbers of `TensorProto.DataType` that the binding refuses by number only. */
const UNSUPPORTED_TYPES: Readonly<Record<string, string>> = {
  14: 'complex64',
  15: 'complex128',
  16: 'bfloat16',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
};

/** All that ORT says when a file of its CUDA provider or a library behind it is missing. */
const CUDA_MISSING = /Cuda: Failed to load shared library/;
const CUDA_HINT =
  'the CUDA provider, the CUDA runtime or cuDNN is missing; standard error names the file, `instance_group [{ kind: KIND_CPU }]` does without';

/** ONNX Runtime through onnxruntime-node; see `session-options.ts` for its parameters. */
export const onnxruntimeBackend: Backend = {
  name: 'onnxruntime',
  async load(options) {
    const session = sessionOptions(options);
    const { modelFile, mutableFiles = false, compiled = false } = options;
    // What was compiled lies in the cache.
    const externalData = mutableFiles && !compiled ? await readExternal(modelFile) : [];
    try {
      return new OnnxInstance(
        await ort.InferenceSession.create(
          modelFile,
          externalData.length === 0 ? session : { ...session, externalData },
        ),
      );
    } catch (error) {
      throw new Error(loadErrorText(error), { cause: error });
    }
  },
};

/** Its code reads models, which few lanes need to. */
async function readExternal(modelFile: string): Promise<ExternalBytes[]> {
  const { externalBytes } = await import('./external-bytes.js');
  return externalBytes(modelFile);
}

function loadErrorText(error: unknown): string {
  const unsupported = /^Unsupported data type: (\d+)$/.exec(error instanceof Error ? error.message : '');
  if (unsupported !== null) {
    const code = unsupported[1] ?? '';
    return `an input or output of the model has the type ${UNSUPPORTED_TYPES[code] ?? code}, which onnxruntime-node can't carry; a Cast node at the border of the model helps`;
  }
  const text = oneLine(ortErrorText(error));
  return CUDA_MISSING.test(text) ? `${text} (${CUDA_HINT})` : text;
}
