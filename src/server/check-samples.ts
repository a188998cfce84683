import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Finding } from '../model-config/findings.js';
import { readQuantization } from '../model-config/quantization-parameters.js';
import type { ModelSource } from '../repository/model-source.js';
import { chooseSampleFiles } from '../worker/build/sample-files.js';

/**
 * Why the samples that a configuration names for quantizing can't be used: an error where the model is not to
 * be served without, else a warning. What the files hold is not read.
 */
export function checkSamples({ config, folder }: Pick<ModelSource, 'config' | 'folder'>): Finding[] {
  const { spec } = readQuantization(config);
  if (spec === null || spec.calibration.kind !== 'folder') return [];
  const directory = resolve(folder.directory, spec.calibration.path);
  const problem = problemOf(directory, spec.samplesMax);
  if (problem === '') return [];
  const [severity, outcome] =
    spec.onFailure === 'fail'
      ? (['error', 'the model can not be loaded'] as const)
      : (['warning', 'the model is served as it is'] as const);
  return [{ severity, file: '', line: 0, message: `quantization.calibration: ${problem}; ${outcome}` }];
}

function problemOf(directory: string, samplesMax: number): string {
  if (!existsSync(directory)) return `there is no folder '${directory}'`;
  try {
    const files = chooseSampleFiles(directory, samplesMax);
    return files.length === 0 ? `no pictures, .npy, .npz, .raw or .bin files lie in '${directory}'` : '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
