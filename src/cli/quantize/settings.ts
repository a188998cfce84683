import { resolve } from 'node:path';
import type { QuantizationSpec } from '../../model-config/quantization.js';
import {
  QUANTIZATION_PREFIX,
  REPORT_PREFIX,
  readQuantizationSettings,
  type SettingProblem,
} from '../../model-config/quantization-parameters.js';
import type { ParsedFlags } from '../../settings/parse-flags.js';
import { UsageError } from '../exit-codes.js';
import type { ModelFile } from '../model-file.js';
import { flagNameOf, QUANTIZE_FLAGS, SETTING_FLAGS } from './flags.js';

const NO_OUT = '--out is missing: a new folder for the quantized model';

/** What is asked for, and where its samples lie. */
export interface Settings {
  readonly spec: QuantizationSpec;
  /** Absolute path; null = there are none. */
  readonly samples: string | null;
}

/**
 * The settings of the command line, and for what it does not say those of the model's configuration. Throws
 * {@link UsageError} with all that is wrong.
 */
export function readSettings(flags: ParsedFlags, { source }: ModelFile): Settings {
  const given = givenSettings(flags);
  const texts = new Map([...configuredSettings(source.config.parameters), ...given]);
  const mistakes = flags.given(QUANTIZE_FLAGS.out) || flags.get(QUANTIZE_FLAGS.sensitivity) ? [] : [NO_OUT];
  if (!texts.has('mode')) {
    throw new UsageError('which mode? Give one with --mode, e.g. int8; --help lists them', ...mistakes);
  }
  const { spec, problems } = readQuantizationSettings(texts);
  mistakes.unshift(...problems.map((problem) => textOf(problem, given)));
  if (spec === null || mistakes.length > 0) throw new UsageError(...mistakes);
  const { calibration } = spec;
  if (calibration.kind === 'live') {
    const flag = `--${flagNameOf('calibration')}`;
    throw new UsageError(`${flag}: requests come to servers only; name a folder of samples`);
  }
  if (calibration.kind === 'none') return { spec, samples: null };
  const folder = given.has('calibration')
    ? resolve(calibration.path)
    : resolve(source.folder.directory, calibration.path);
  return { spec, samples: folder };
}

/** By the settings' names, as a configuration would have them. */
function givenSettings(flags: ParsedFlags): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [setting, flag] of SETTING_FLAGS) {
    if (!flags.given(flag)) continue;
    texts.set(setting, flag.repeatable ? flags.all(flag).join(',') : String(flags.get(flag)));
  }
  return texts;
}

function configuredSettings(parameters: ModelFile['source']['config']['parameters']): [string, string][] {
  return Object.entries(parameters).flatMap(([key, { string_value }]): [string, string][] => {
    const isSetting = key.startsWith(QUANTIZATION_PREFIX) && !key.startsWith(REPORT_PREFIX);
    return isSetting ? [[key.slice(QUANTIZATION_PREFIX.length), string_value]] : [];
  });
}

function textOf({ setting, text }: SettingProblem, given: ReadonlyMap<string, string>): string {
  // Its own text speaks of configurations.
  if (setting === 'mode' && text.includes('needs samples')) {
    return `int8 needs samples: name a folder of pictures or tensors with --${flagNameOf('calibration')}`;
  }
  return given.has(setting)
    ? `--${flagNameOf(setting)} ${text}`
    : `parameter '${QUANTIZATION_PREFIX}${setting}' ${text}`;
}
