import type { Command } from '../command.js';
import { CACHE_FLAGS } from './flags.js';

/** `naiad cache` as data. */
export const CACHE_COMMAND: Command = {
  name: 'cache',
  summary: 'Show, check and clear what servers keep of models.',
  operands: '[ls|prune|verify]',
  text: [
    '`naiad cache ls` lists what lies in the cache: copies of models as they are served, and what was made of them for this machine, compiled or quantized. Below it stands what could not be made, and why.',
    '`naiad cache prune` removes what was not used for longest, everything unless flags say otherwise; what a server has used within the last hour stays. `naiad cache verify` reads all of it and fails when something is not as it was written. With `--remove` it removes what is damaged, except what was used within the last hour while a server has the cache open.',
    'Servers notice by themselves, when they load a model, that files were written to, replaced or copied from elsewhere since they were checked last: they read these again and replace what is damaged. A disk that returns other bytes than were written is found by `naiad cache verify` alone.',
  ],
  flags: Object.values(CACHE_FLAGS),
  examples: [
    'naiad cache',
    'naiad cache prune --keep-mb=4000',
    'naiad cache prune --unused-days=30',
    'naiad cache verify --remove',
    'naiad cache ls --json | jq .items',
  ],
  exits: {
    0: 'It was done; `verify` has found no damage, or removed it.',
    1: 'There is no such cache, or `verify` has left something damaged.',
    2: 'The command line has mistakes; each is on a line of its own on standard error.',
  },
  load: async () => (await import('./cache.js')).cache,
};
