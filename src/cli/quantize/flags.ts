import {
  MODE_DEFAULTS,
  QUANTIZATION_MODES,
  type QUANTIZATION_SETTINGS,
} from '../../model-config/quantization-parameters.js';
import {
  booleanFlag,
  choiceFlag,
  type Flag,
  integerFlag,
  switchFlag,
  textFlag,
} from '../../settings/flag.js';
import { INFER_FLAGS } from '../client-flags.js';
import { MODEL_FILE_FLAGS } from '../model-file-flags.js';

/** A setting of a configuration's `quantization.*`. */
export type QuantizationSetting = (typeof QUANTIZATION_SETTINGS)[number];

/** Settings that say what a server does afterwards. */
type ServingSetting = 'on_failure';

const text = (placeholder: string, help: string, fallbackText = '', repeatable = false) =>
  ({ kind: 'text', placeholder, help, fallbackText, repeatable }) as const;
const flag = (help: string, fallback: boolean) => ({ kind: 'flag', help, fallback }) as const;

/** How the settings are asked for; what they may be, `readQuantizationSettings` knows. */
const SETTINGS: Readonly<
  Record<Exclude<QuantizationSetting, ServingSetting>, ReturnType<typeof text> | ReturnType<typeof flag>>
> = {
  mode: text(
    'MODE',
    `${QUANTIZATION_MODES.join(', ')}; auto takes the fastest that keeps within the bounds.`,
  ),
  calibration: text(
    'DIR',
    'Folder of samples: pictures, .npy, .npz or raw tensors. int8 needs one; others are compared with the original on it, and on random input without.',
  ),
  calibration_method: text(
    'METHOD',
    'How the range of an activation follows from the samples: min-max, percentile or entropy.',
    'min-max',
  ),
  percentile: text('P', 'Per cent of the values inside the range, for percentile.', '99.99'),
  samples_max: text('N', 'Samples used at most, evenly taken from all.', '128'),
  block_size: text(
    'N',
    'Weights that share a scale: 16, 32, 64, 128 or 256, for int8-weight, int4-weight, nf4 and fp4.',
    `${MODE_DEFAULTS['int8-weight'].blockSize}, of nf4 and fp4 ${MODE_DEFAULTS.nf4.blockSize}`,
  ),
  symmetric: flag(
    'Centre the blocks of int8-weight and int4-weight at zero; else each has a zero point.',
    true,
  ),
  include: text('NAMES', 'Quantize only these nodes or operators, e.g. Conv or /layer1/Conv.', 'all', true),
  exclude: text('NAMES', 'Keep these nodes or operators as they are.', '', true),
  keep_first: flag('Keep the first layer with weights as it is.', false),
  keep_last: flag('Keep the last layer with weights as it is.', false),
  keep_ops: text('NAMES', 'Operators that fp16 keeps in single precision besides those that must.', '', true),
  seed: text('N', 'Of everything random.', '0'),
  min_cosine: text(
    'N',
    'Least cosine of each output with that of the original, from 0 to 1.',
    defaultsOf('minCosine'),
  ),
  min_top1_agreement: text(
    'N',
    'Least part of the samples for which an output with classes names the same one, from 0 to 1.',
    defaultsOf('minTop1Agreement'),
  ),
};

/** Where the field has another word for it. */
const NAMES: Partial<Record<QuantizationSetting, string>> = { calibration: 'calibrate' };

/** The flag of a setting: its name with dashes. */
export function flagNameOf(setting: string): string {
  return Object.hasOwn(NAMES, setting)
    ? (NAMES[setting as QuantizationSetting] ?? '')
    : setting.replaceAll('_', '-');
}

/** The flags of the settings, by the settings' names. */
export const SETTING_FLAGS: ReadonlyMap<string, Flag<unknown>> = new Map(
  Object.entries(SETTINGS).map(([setting, what]) => {
    const name = flagNameOf(setting);
    const aliases = name === setting.replaceAll('_', '-') ? [] : [setting];
    const common = { name, aliases, help: what.help };
    return [
      setting,
      what.kind === 'flag'
        ? booleanFlag({ ...common, fallback: what.fallback })
        : textFlag({ ...common, ...what, fallback: '' }),
    ];
  }),
);

const OUTPUT = 'Output';

/** What belongs to the command itself. */
export const QUANTIZE_FLAGS = {
  out: textFlag({
    name: 'out',
    group: OUTPUT,
    fallback: '',
    placeholder: 'DIR',
    help: 'Folder for the quantized model.onnx and report.json; it must not exist yet, or be empty. Nothing lies there before all is done.',
  }),
  force: switchFlag({
    name: 'force',
    group: OUTPUT,
    help: 'Write a model that misses the bounds, too; the report says so.',
  }),
  sensitivity: switchFlag({
    name: 'sensitivity',
    group: OUTPUT,
    help: 'Tell how much the answers change when only one layer is quantized, for each of them, and which ones may be worth excluding. Without --out nothing else is done.',
  }),
  sensitivitySamples: integerFlag({
    name: 'sensitivity-samples',
    group: OUTPUT,
    fallback: 8,
    min: 1,
    max: 100_000,
    help: 'Samples by which each layer is judged.',
  }),
  json: { ...INFER_FLAGS.json, group: OUTPUT, help: 'Write the report as JSON.' },
  device: choiceFlag({
    name: 'device',
    group: OUTPUT,
    fallback: 'cpu',
    choices: ['cpu', 'gpu'],
    help: 'What the model is for. It is run on the CPU here; what auto tries depends on it, and whether the kernels are counted.',
  }),
  ...MODEL_FILE_FLAGS,
} as const;

function defaultsOf(bound: 'minCosine' | 'minTop1Agreement'): string {
  const byValue = new Map<number, string[]>();
  for (const [mode, defaults] of Object.entries(MODE_DEFAULTS)) {
    byValue.set(defaults[bound], [...(byValue.get(defaults[bound]) ?? []), mode]);
  }
  return [...byValue].map(([value, modes]) => `${value} (${modes.join(', ')})`).join('; ');
}
