import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { availableCores } from './cores.js';

/** What the process finds around itself, read once so that everything behind it is a pure function. */
export interface Environment {
  readonly workingDirectory: string;
  /** The model repository that comes with the package. */
  readonly bundledRepository: string;
  /** Processors that this process may keep busy. */
  readonly cores: number;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Whether a terminal wants colours (https://no-color.org). */
  readonly colour: boolean;
  /** Whether npm or npx runs this process as a script. */
  readonly underNpm: boolean;
}

export function readEnvironment(): Environment {
  return {
    workingDirectory: process.cwd(),
    bundledRepository: fileURLToPath(new URL('../../model-repository', import.meta.url)),
    cores: availableCores(availableParallelism(), readTextOrNull),
    terminal: process.stdout.isTTY === true,
    colour: (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb',
    underNpm: process.env.npm_lifecycle_event !== undefined,
  };
}

function readTextOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
