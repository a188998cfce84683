import { basename, dirname } from 'node:path';
import { invariant } from '../../lib/invariant.js';
import type { OrtSession } from '../../worker/build/ort-session.js';
import { CommandError } from '../exit-codes.js';
import { type ModelFileOptions, readModelFile, specOf } from '../model-file.js';
import { toRunInputs } from '../picture-inputs.js';
import { chooseOutput, ItemError, type Predictor } from './predictor.js';

export interface FilePredictorOptions extends ModelFileOptions {
  /** '' = the one that holds classes. */
  readonly output: string;
  /** Of one run. */
  readonly threads: number;
}

/** A model file, run by this thread. Rejects with CommandError. */
export async function openFile(options: FilePredictorOptions): Promise<Predictor> {
  const file = await readModelFile(options);
  const { openSession } = await import('../../worker/build/ort-session.js');
  let session: OrtSession;
  try {
    session = await openSession({
      modelName: file.source.folder.name,
      version: 1,
      directory: dirname(file.path),
      modelFile: file.path,
      device: { kind: 'cpu' },
      parameters: {},
      graphLevel: 0,
      intraOpThreads: options.threads,
      outputs: [],
    });
  } catch (error) {
    throw new CommandError(`can't load ${options.path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const { name, inputs, outputs, maxBatchSize } = await specOf(file, session.description);
    const output = chooseOutput(
      name,
      outputs.map((each) => ({ ...each, shape: each.dims })),
      options.output,
    );
    return {
      name: basename(options.path),
      classNames: outputs.find((each) => each.name === output)?.labels ?? [],
      ask: async (source) => {
        try {
          const answer = await session.run(await toRunInputs(name, inputs, maxBatchSize, source));
          const tensor = answer.find((each) => each.name === output);
          invariant(tensor !== undefined, 'a run answers all outputs');
          return tensor;
        } catch (error) {
          // Whatever keeps all items from being run shows in the first ones.
          throw new ItemError((error as Error).message, { cause: error });
        }
      },
      close: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}
