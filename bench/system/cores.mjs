import { availableParallelism } from 'node:os';

/** Cores of the cases that say "on 2 cores"; clients share them. */
export const TWO_CORES = '0,1';

/**
 * The command as it must be started to have only those cores; where the machine has no more, as it is.
 * @param {string | null} cores for `taskset -c`; null = all
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {{ command: string, args: string[] }}
 */
export function onCores(cores, command, args) {
  if (cores === null || availableParallelism() <= cores.split(',').length)
    return { command, args: [...args] };
  return { command: 'taskset', args: ['-c', cores, command, ...args] };
}
