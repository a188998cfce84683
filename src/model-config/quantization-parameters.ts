import { didYouMean } from '../lib/did-you-mean.js';
import type { ModelConfig } from './message.js';
import { isTrue } from './own-parameters.js';
import { errorAt, type Problem } from './problem.js';
import type {
  CalibrationMethod,
  CalibrationSource,
  QuantizationMode,
  QuantizationSpec,
} from './quantization.js';

/** Parameters with this prefix say how the model's numbers are made smaller. */
export const QUANTIZATION_PREFIX = 'quantization.';

/** What became of it stands under this in the configuration as ModelConfig answers it, and is not read. */
export const REPORT_PREFIX = `${QUANTIZATION_PREFIX}report.`;

/** Names of the settings, without prefix. */
export const QUANTIZATION_SETTINGS = [
  'mode',
  'block_size',
  'symmetric',
  'include',
  'exclude',
  'keep_first',
  'keep_last',
  'keep_ops',
  'calibration',
  'calibration_method',
  'percentile',
  'samples_max',
  'seed',
  'min_cosine',
  'min_top1_agreement',
  'on_failure',
] as const;

type Setting = (typeof QUANTIZATION_SETTINGS)[number];

/** What stands where a mode says nothing else. */
interface ModeDefaults {
  readonly blockSize: number;
  readonly minCosine: number;
  readonly minTop1Agreement: number;
}

const EIGHT_BITS: ModeDefaults = { blockSize: 32, minCosine: 0.99, minTop1Agreement: 0.95 };
const FOUR_BITS: ModeDefaults = { blockSize: 32, minCosine: 0.95, minTop1Agreement: 0.9 };

/** Every mode with its defaults. */
export const MODE_DEFAULTS: Readonly<Record<QuantizationMode, ModeDefaults>> = {
  int8: EIGHT_BITS,
  'int8-dynamic': EIGHT_BITS,
  'int8-weight': EIGHT_BITS,
  'int4-weight': FOUR_BITS,
  nf4: { ...FOUR_BITS, blockSize: 64 },
  fp4: { ...FOUR_BITS, blockSize: 64 },
  fp16: { blockSize: 32, minCosine: 0.9999, minTop1Agreement: 0.99 },
  auto: EIGHT_BITS,
};

export const QUANTIZATION_MODES = Object.keys(MODE_DEFAULTS) as readonly QuantizationMode[];
const METHODS: readonly CalibrationMethod[] = ['min-max', 'percentile', 'entropy'];
const FAILURES: readonly QuantizationSpec['onFailure'][] = ['original', 'fail'];
const BLOCK_SIZES = [16, 32, 64, 128, 256];
const HINTS_MAX = 20;
const SAMPLES_MAX = 100_000;
const REQUESTS_MAX = 100_000;
const SEED_MAX = 2 ** 32 - 1;

/** What the settings come to; null where no mode is asked for. */
export interface ReadQuantization {
  readonly spec: QuantizationSpec | null;
  readonly problems: readonly Problem[];
}

/** Reads the `quantization.*` parameters of a model's configuration; what is wrong is reported. */
export function readQuantization({ parameters }: ModelConfig): ReadQuantization {
  const texts = new Map(
    Object.entries(parameters)
      .filter(([key]) => key.startsWith(QUANTIZATION_PREFIX) && !key.startsWith(REPORT_PREFIX))
      .map(([key, { string_value }]) => [key.slice(QUANTIZATION_PREFIX.length), string_value]),
  );
  const { spec, problems } = readQuantizationSettings(texts);
  return {
    spec,
    problems: problems.map(({ setting, text }) =>
      errorAt(
        ['parameters', QUANTIZATION_PREFIX + setting, 'string_value'],
        `parameter '${QUANTIZATION_PREFIX}${setting}' ${text}`,
      ),
    ),
  };
}

/** A setting that can't be used; `text` goes on after its name. */
export interface SettingProblem {
  readonly setting: string;
  readonly text: string;
}

/** The same from settings by their names without prefix, as a command line gives them. */
export function readQuantizationSettings(texts: ReadonlyMap<string, string>): {
  readonly spec: QuantizationSpec | null;
  readonly problems: readonly SettingProblem[];
} {
  const problems: SettingProblem[] = [];
  const read = <T>(
    setting: Setting,
    fallback: T,
    parse: (text: string) => T | undefined,
    expected: string,
  ): T => {
    const text = texts.get(setting)?.trim();
    if (text === undefined) return fallback;
    const value = parse(text);
    if (value !== undefined) return value;
    problems.push({
      setting,
      text: `must be ${expected}, got '${text}'${didYouMean(text, expected.replace(/^one of /, '').split(/, | or /))}`,
    });
    return fallback;
  };
  for (const name of texts.keys()) {
    if ((QUANTIZATION_SETTINGS as readonly string[]).includes(name)) continue;
    // Looking for what was meant takes time, and nobody reads as many.
    const hint =
      problems.length < HINTS_MAX
        ? didYouMean(name, QUANTIZATION_SETTINGS) || `; known ones: ${QUANTIZATION_SETTINGS.join(', ')}`
        : '';
    problems.push({ setting: name, text: `is unknown${hint}` });
  }
  const mode = read('mode', null, oneOf(QUANTIZATION_MODES), `one of ${QUANTIZATION_MODES.join(', ')}`);
  if (mode === null) {
    if (texts.size > 0 && !texts.has('mode')) {
      const [first = 'mode'] = texts.keys();
      problems.push({ setting: first, text: `has no effect without '${QUANTIZATION_PREFIX}mode'` });
    }
    return { spec: null, problems };
  }
  const defaults = MODE_DEFAULTS[mode];
  const flag = (setting: Setting, fallback: boolean): boolean =>
    read(setting, fallback, toFlag, 'true or false');
  const list = (setting: Setting): readonly string[] => read(setting, [], toList, 'a list of names');
  const part = (setting: Setting, fallback: number): number =>
    read(setting, fallback, numberIn(0, 1), 'a number from 0 to 1');
  const spec: QuantizationSpec = {
    mode,
    blockSize: read('block_size', defaults.blockSize, blockSize, `one of ${BLOCK_SIZES.join(', ')}`),
    symmetric: flag('symmetric', true),
    include: list('include'),
    exclude: list('exclude'),
    keepFirst: flag('keep_first', false),
    keepLast: flag('keep_last', false),
    keepOps: list('keep_ops'),
    calibration: read(
      'calibration',
      { kind: 'none' },
      toCalibration,
      `a folder, or live:N with N up to ${REQUESTS_MAX}`,
    ),
    calibrationMethod: read('calibration_method', 'min-max', oneOf(METHODS), `one of ${METHODS.join(', ')}`),
    percentile: read('percentile', 99.99, numberIn(50, 100), 'a number from 50 to 100'),
    samplesMax: read(
      'samples_max',
      128,
      integerIn(1, SAMPLES_MAX),
      `a whole number from 1 to ${SAMPLES_MAX}`,
    ),
    seed: read('seed', 0, integerIn(0, SEED_MAX), `a whole number from 0 to ${SEED_MAX}`),
    bounds: {
      minCosine: part('min_cosine', defaults.minCosine),
      minTop1Agreement: part('min_top1_agreement', defaults.minTop1Agreement),
    },
    onFailure: read('on_failure', 'original', oneOf(FAILURES), FAILURES.join(' or ')),
  };
  if (
    mode === 'int8' &&
    spec.calibration.kind === 'none' &&
    !problems.some(({ setting }) => setting === 'calibration')
  ) {
    problems.push({
      setting: 'mode',
      text: `'int8' needs samples: name a folder by '${QUANTIZATION_PREFIX}calibration', or live:N for the first N requests`,
    });
  }
  return { spec: problems.length === 0 ? spec : null, problems };
}

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T | undefined {
  return (text) => choices.find((choice) => choice === text);
}

function toFlag(text: string): boolean | undefined {
  return ['0', '1', 'true', 'false'].includes(text.toLowerCase()) ? isTrue(text) : undefined;
}

/** Separated by commas; names of nodes hold none. */
function toList(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function blockSize(text: string): number | undefined {
  return BLOCK_SIZES.find((size) => String(size) === text);
}

function numberIn(min: number, max: number): (text: string) => number | undefined {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
}

function integerIn(min: number, max: number): (text: string) => number | undefined {
  return (text) => (/^\d+$/.test(text) ? numberIn(min, max)(text) : undefined);
}

function toCalibration(text: string): CalibrationSource | undefined {
  const live = /^live:(.*)$/.exec(text);
  if (live === null) return text === '' ? undefined : { kind: 'folder', path: text };
  const requests = integerIn(1, REQUESTS_MAX)(live[1] ?? '');
  return requests === undefined ? undefined : { kind: 'live', requests };
}
