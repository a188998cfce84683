import type { Environment } from '#naiad/settings/environment.js';

/** An environment to read command lines in. */
export function anEnvironment(changes: Partial<Environment> = {}): Environment {
  return {
    workingDirectory: '/work',
    bundledRepository: '/package/model-repository',
    cacheFolder: '/home/user/.cache/naiad',
    cores: 8,
    terminal: false,
    colour: false,
    underNpm: false,
    ...changes,
  };
}
