import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../model-config/message.js';
import { errorAt, type FieldPath, type Problem } from '../model-config/problem.js';
import { LIMITS } from '../settings/limits.js';
import { readFailure, systemReason } from './fs-errors.js';
import { isInside } from './paths.js';
import { readTextFile } from './text-file.js';

/** Labels by output name. */
export interface ReadLabels {
  readonly labels: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly Problem[];
}

/**
 * Reads the label files that the outputs name, paths relative to the model's folder: one label per line,
 * empty lines count. What can't be read, or lies outside the folder, is a problem.
 */
export async function readLabels(directory: string, config: ModelConfig): Promise<ReadLabels> {
  const labels = new Map<string, readonly string[]>();
  const problems: Problem[] = [];
  for (const [index, { name, label_filename: file }] of config.output.entries()) {
    if (file === '') continue;
    const path: FieldPath = ['output', index, 'label_filename'];
    try {
      labels.set(name, toLabels(await readInside(directory, file)));
    } catch (error) {
      const reason = systemReason(error);
      problems.push(
        errorAt(
          path,
          reason === ''
            ? `label file '${file}' of output '${name}': ${readFailure(error)}`
            : `failed to open text file for read ${join(directory, file)}: ${reason} (label file of output '${name}')`,
        ),
      );
    }
  }
  return { labels, problems };
}

/** The text as lines; a final line break ends the last label rather than beginning another. */
export function toLabels(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

async function readInside(directory: string, file: string): Promise<string> {
  const target = join(directory, file);
  if (!isInside(directory, target)) throw new Error('it lies outside the folder of the model');
  await stat(target);
  // Links, too, must stay inside: a configuration may come from a client.
  if (!isInside(await realpath(directory), await realpath(target))) {
    throw new Error('it leads outside the folder of the model');
  }
  return readTextFile(target, LIMITS.labelBytesMax);
}
