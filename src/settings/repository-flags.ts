import { booleanFlag, choiceFlag, type Flag, integerFlag, textFlag } from './flag.js';
import { LIMITS } from './limits.js';
import type { ControlMode, ReloadPolicy } from './settings.js';

const REPOSITORY = 'Model repository';
const SECONDS_MAX = 86_400;
const CONTROL_MODES: readonly ControlMode[] = ['none', 'poll', 'explicit'];
const RELOAD_POLICIES: readonly ReloadPolicy[] = ['availability-preserving', 'memory-preserving'];

/** Value of `--load-model` that stands for all models. */
export const ALL_MODELS = '*';
/** Value of `--artifact-cache` for no copies. */
export const NO_CACHE = 'none';

/** `--model-config-name` of `serve` and `check`. */
export const CONFIG_NAME_FLAG: Flag<string> = {
  ...textFlag({
    name: 'model-config-name',
    group: REPOSITORY,
    fallback: '',
    fallbackText: 'config.pbtxt',
    placeholder: 'NAME',
    help: 'Use configs/NAME.pbtxt of every model that has it, in place of its config.pbtxt.',
  }),
  allowed: 'the name of a file without .pbtxt, and without blanks',
  read: (text) => (/^[^\s/\\]+$/.test(text) && text !== '.' && text !== '..' ? text : undefined),
};

/** The flags of `naiad serve` that say which models are served, and from where. */
export const REPOSITORY_FLAGS = {
  modelRepository: textFlag({
    name: 'model-repository',
    aliases: ['model-store'],
    group: REPOSITORY,
    repeatable: true,
    fallback: '',
    fallbackText: 'the repository that comes with the package',
    placeholder: 'DIR',
    help: 'Directory of models. May be given several times; --model-store is the same.',
  }),
  controlMode: anyCase(
    choiceFlag<ControlMode>({
      name: 'model-control-mode',
      group: REPOSITORY,
      fallback: 'none',
      choices: CONTROL_MODES,
      help: 'none = all models of the repository are loaded at start, and nothing changes after; poll = what changes in the repository is loaded and unloaded; explicit = requests load and unload.',
    }),
  ),
  loadModel: textFlag({
    name: 'load-model',
    group: REPOSITORY,
    repeatable: true,
    fallback: '',
    fallbackText: 'none',
    placeholder: 'NAME',
    help: 'Model to load at start in explicit mode; * alone = all. May be given several times.',
  }),
  pollSecs: integerFlag({
    name: 'repository-poll-secs',
    group: REPOSITORY,
    fallback: 15,
    min: 0,
    max: SECONDS_MAX,
    placeholder: 'SECS',
    help: 'How often to look into the repository in poll mode, at least every second; where the file system tells of changes, they are seen at once.',
  }),
  settleMs: integerFlag({
    name: 'repository-settle-ms',
    group: REPOSITORY,
    fallback: 1000,
    min: 0,
    max: 1000 * SECONDS_MAX,
    placeholder: 'MS',
    help: 'How long the files of a model must have been left alone before they are read, so that no half copy is; 0 = at once.',
  }),
  configName: CONFIG_NAME_FLAG,
  disableAutoComplete: booleanFlag({
    name: 'disable-auto-complete-config',
    aliases: ['strict-model-config'],
    group: REPOSITORY,
    fallback: false,
    help: 'Take nothing of a configuration from the model: every model needs a complete config.pbtxt.',
  }),
  modelLoadThreads: integerFlag({
    name: 'model-load-thread-count',
    group: REPOSITORY,
    fallback: 4,
    min: 1,
    max: 64,
    help: 'Models that are loaded at the same time.',
  }),
  loadRetries: integerFlag({
    name: 'model-load-retry-count',
    group: REPOSITORY,
    fallback: 0,
    min: 0,
    max: 1000,
    help: 'How often a failed load is tried again, with growing pauses, while the files stay the same.',
  }),
  reloadPolicy: choiceFlag<ReloadPolicy>({
    name: 'reload-policy',
    group: REPOSITORY,
    fallback: 'availability-preserving',
    choices: RELOAD_POLICIES,
    help: 'availability-preserving = a new version is loaded before the old one goes; memory-preserving = the old one goes first, and requests wait meanwhile.',
  }),
  keepWarmSecs: integerFlag({
    name: 'keep-warm-secs',
    group: REPOSITORY,
    fallback: 0,
    min: 0,
    max: SECONDS_MAX,
    placeholder: 'SECS',
    help: 'How long what was replaced stays loaded, for a roll back at once.',
  }),
  artifactCache: textFlag({
    name: 'artifact-cache',
    group: REPOSITORY,
    fallback: '',
    fallbackText: 'naiad in $XDG_CACHE_HOME or ~/.cache',
    placeholder: 'DIR',
    help: 'Where copies of models are kept. They are what is served, so that changes in the repository touch nothing that runs, and what a roll back returns to; none = no copies.',
  }),
  artifactCacheBytes: integerFlag({
    name: 'artifact-cache-bytes',
    group: REPOSITORY,
    fallback: LIMITS.cacheBytesMax,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    placeholder: 'BYTES',
    help: 'How large all copies together may become; those in use stay beyond it.',
  }),
} as const satisfies Record<string, Flag<unknown>>;

/** Triton takes its words in any case. */
function anyCase<T>(flag: Flag<T>): Flag<T> {
  return { ...flag, read: (text) => flag.read(text.toLowerCase()) };
}
