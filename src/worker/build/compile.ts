import { join } from 'node:path';
import type { InstanceOptions } from '../../backend/backend.js';
import { seededRandom } from '../../lib/random.js';
import { randomInputs } from '../../quantize/random-input.js';
import type { Shape } from '../../tensor/shape.js';
import { sameShape } from '../../tensor/shape.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import { type OrtSession, openSession } from './ort-session.js';

/** What a compiled model is called in its folder. */
export const COMPILED_MODEL = 'model.onnx';
const COMPILED_WEIGHTS = 'model.bin';

/** Initialisers that are smaller stay in the graph. */
const EXTERNAL_BYTES_MIN = 1024;

/** Sizes tried for dimensions that are left open: some models want more than one row, or a whole picture. */
export const FILLS = [2, 1, 8, 32, 64, 224];

const SEED = 1;

export interface CompileJob {
  /** Of an instance that loads the model as it is. */
  readonly options: InstanceOptions;
  /** Absolute path of the empty folder for the compiled form. */
  readonly directory: string;
  /** Of inputs, by name, as the configuration has them. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * Writes a model as ONNX Runtime optimises it for this machine, its weights packed and in a file of their
 * own, which all that load it share; then holds its answers on random input against those of the model
 * itself. Returns why it can't be served in that form, '' when it can.
 */
export async function compileModel({ options, directory, shapes }: CompileJob): Promise<string> {
  const modelFile = join(directory, COMPILED_MODEL);
  const opened: OrtSession[] = [];
  const open = async (...args: Parameters<typeof openSession>): Promise<OrtSession> => {
    const session = await openSession(...args);
    opened.push(session);
    return session;
  };
  try {
    const plain = await open(options, {
      optimizedModelFilePath: modelFile,
      extra: {
        'session.optimized_model_external_initializers_file_name': COMPILED_WEIGHTS,
        'session.optimized_model_external_initializers_min_size_in_bytes': String(EXTERNAL_BYTES_MIN),
        'session.save_external_prepacked_constant_initializers': '1',
      },
    });
    const compiled = await open({ ...options, modelFile, compiled: true });
    return await difference(plain, compiled, shapes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    for (const session of opened) await session.release();
  }
}

async function difference(
  plain: OrtSession,
  compiled: OrtSession,
  shapes: ReadonlyMap<string, Shape>,
): Promise<string> {
  if (JSON.stringify(plain.description) !== JSON.stringify(compiled.description))
    return 'its inputs and outputs are not the same when it is compiled';
  const random = seededRandom(SEED);
  for (const fill of FILLS) {
    const inputs = randomInputs(plain.description.inputs, { random, fill, shapes });
    if (inputs === null) continue;
    const expected = await attempt(plain, inputs);
    const answer = await attempt(compiled, inputs);
    if (expected === null && answer === null) continue;
    if (areEqual(expected, answer)) return '';
    return areEqual(expected, await attempt(plain, inputs))
      ? 'its answers are not the same when it is compiled'
      : 'its answers change from run to run, so that it can not be told whether a compiled form gives the same';
  }
  // What takes no random input takes it in neither form.
  return '';
}

async function attempt(session: OrtSession, inputs: readonly NamedTensor[]): Promise<NamedTensor[] | null> {
  try {
    return await session.run(inputs);
  } catch {
    return null;
  }
}

function areEqual(a: readonly NamedTensor[] | null, b: readonly NamedTensor[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.every((tensor, index) => {
    const other = b[index];
    return (
      other !== undefined &&
      tensor.datatype === other.datatype &&
      sameShape(tensor.shape, other.shape) &&
      Buffer.compare(tensor.data, other.data) === 0
    );
  });
}
