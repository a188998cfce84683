import { integerFlag, switchFlag } from '../../settings/flag.js';
import { REPOSITORY_FLAGS } from '../../settings/repository-flags.js';

/** Of `naiad cache`. */
export const CACHE_FLAGS = {
  artifactCache: {
    ...REPOSITORY_FLAGS.artifactCache,
    group: '',
    help: 'The cache: what `naiad serve` has as --artifact-cache.',
  },
  keepMb: integerFlag({
    name: 'keep-mb',
    fallback: 0,
    min: 0,
    max: 2 ** 40,
    placeholder: 'MB',
    help: '`prune` stops when no more than so many megabytes are left.',
  }),
  unusedDays: integerFlag({
    name: 'unused-days',
    fallback: 0,
    min: 0,
    max: 36_500,
    placeholder: 'DAYS',
    help: '`prune` takes only what was not used for so many days.',
  }),
  remove: switchFlag({
    name: 'remove',
    help: '`verify` removes what is damaged; servers make it again when they need it.',
  }),
  json: switchFlag({ name: 'json', help: 'Write JSON for programs.' }),
} as const;
