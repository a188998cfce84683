import { join } from 'node:path';
import type { InstanceOptions } from '../../backend/backend.js';
import type { Shape } from '../../tensor/shape.js';
import { differenceOf } from './difference.js';
import { type OrtSession, openSession } from './ort-session.js';

/** What a compiled model is called in its folder. */
export const COMPILED_MODEL = 'model.onnx';
const COMPILED_WEIGHTS = 'model.bin';

/** Initialisers that are smaller stay in the graph. */
const EXTERNAL_BYTES_MIN = 1024;

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
    return await differenceOf(plain, compiled, shapes);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    for (const session of opened) await session.release();
  }
}
