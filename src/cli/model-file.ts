import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { completeBackendFields } from '../model-config/backend-fields.js';
import type { ModelDescription } from '../model-config/description.js';
import { FindingsError, formatFinding } from '../model-config/findings.js';
import { IMAGE_PREFIX } from '../model-config/image-settings.js';
import type { ModelConfig, ModelInputMessage } from '../model-config/message.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import { parseConfig } from '../model-config/parse.js';
import type { ParsedConfig } from '../model-config/parsed-config.js';
import { emptyConfig } from '../model-config/parsed-config.js';
import { NOWHERE, toFindings } from '../model-config/problem.js';
import { readFailure } from '../repository/fs-errors.js';
import { CONFIG_FILES } from '../repository/model-folder.js';
import { completeModel, type ModelSource } from '../repository/model-source.js';
import { readTextFile } from '../repository/text-file.js';
import { CommandError, UsageError } from './exit-codes.js';

/** A model file outside of any server, with the configuration that goes with it. */
export interface ModelFile {
  /** Absolute. */
  readonly path: string;
  /** Its configuration's path; '' = there is none. */
  readonly configPath: string;
  readonly source: ModelSource;
  /** Of the pictures, where a setting says so. */
  readonly format: PictureFormat | undefined;
}

type PictureFormat = 'NCHW' | 'NHWC';

export interface ModelFileOptions {
  readonly path: string;
  /** '' = the one of the folder that the file lies in, where that is the folder of a version. */
  readonly configPath: string;
  /** `SETTING=VALUE`, as `--image` has them; they come before those of the configuration. */
  readonly imageSettings: readonly string[];
}

/**
 * Finds a model file and reads its configuration. Rejects with {@link CommandError} when one can't be read or
 * has mistakes, which are all named; throws {@link UsageError} for settings that are none.
 */
export async function readModelFile({
  path,
  configPath,
  imageSettings,
}: ModelFileOptions): Promise<ModelFile> {
  const { format, ...settings } = readSettings(imageSettings);
  const modelPath = resolve(path);
  await mustBeFile(modelPath, path);
  const config = configPath === '' ? await besideVersion(modelPath) : resolve(configPath);
  const parsed = config === '' ? NO_CONFIG : await readConfig(config);
  const directory = dirname(config === '' ? modelPath : config);
  const named = { ...parsed.config, name: parsed.config.name || basename(modelPath, extname(modelPath)) };
  const { config: completed, problems } = completeBackendFields(named, ['model.onnx']);
  const configFile = config === '' ? '' : basename(config);
  const findings = [...parsed.findings, ...toFindings(problems, configFile, parsed.locate)];
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new CommandError(errors.map(formatFinding).join('\n'));
  const version = { version: 1, directory: dirname(modelPath), origin: dirname(modelPath), files: [] };
  return {
    path: modelPath,
    configPath: config,
    format,
    source: {
      folder: {
        name: named.name,
        repository: dirname(directory),
        directory,
        configFile: null,
        versions: [version],
        findings: [],
      },
      config: { ...completed, parameters: { ...completed.parameters, ...settings.parameters } },
      versions: [1],
      configFile,
      locate: parsed.locate,
      warnings: [],
    },
  };
}

/**
 * The model as a server would serve it, by what the file says of itself; inputs that look like pictures are
 * taken for such. Rejects with {@link CommandError} that has all contradictions.
 */
export async function specOf(
  { source, format }: ModelFile,
  description: ModelDescription,
): Promise<ModelSpec> {
  try {
    const { spec } = await completeModel(
      { ...source, config: withFormats(source.config, description, format) },
      { description, autoComplete: true, gpuAvailable: false, instanceCount: () => 1 },
    );
    return spec;
  } catch (error) {
    if (!(error instanceof FindingsError)) throw error;
    throw new CommandError(error.findings.map(formatFinding).join('\n'), { cause: error });
  }
}

/** What users are told where pictures go into a model of which nobody says how. */
export const RAW_PICTURES_NOTE =
  'neither a configuration nor --image says how pictures become numbers: they are taken as they are, 0 to 255\n';

const NO_CONFIG: ParsedConfig = { config: emptyConfig(), findings: [], locate: NOWHERE };

async function mustBeFile(path: string, shown: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    throw new CommandError(`can't read ${shown}: ${readFailure(error)}`, { cause: error });
  }
  throw new CommandError(`can't read ${shown}: it is a folder`);
}

/**
 * Path of the configuration that goes with a model file in a repository, which has `NAME/config.pbtxt` and
 * `NAME/1/model.onnx`; '' = there is none.
 */
export async function besideVersion(modelPath: string): Promise<string> {
  const folder = dirname(resolve(modelPath));
  if (!/^\d+$/.test(basename(folder))) return '';
  for (const { path } of CONFIG_FILES) {
    const candidate = join(dirname(folder), path);
    if ((await stat(candidate).catch(() => null))?.isFile()) return candidate;
  }
  return '';
}

async function readConfig(path: string): Promise<ParsedConfig> {
  const kind = { '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml' } as const;
  const extension = extname(path).toLowerCase();
  try {
    const text = await readTextFile(path);
    const form = Object.hasOwn(kind, extension) ? kind[extension as keyof typeof kind] : 'pbtxt';
    return parseConfig(form, text, basename(path));
  } catch (error) {
    throw new CommandError(`can't read ${path}: ${readFailure(error)}`, { cause: error });
  }
}

/** `format` is a field of the inputs, the others are parameters. */
function readSettings(texts: readonly string[]): {
  readonly format: PictureFormat | undefined;
  readonly parameters: ModelConfig['parameters'];
} {
  let format: PictureFormat | undefined;
  const parameters: ModelConfig['parameters'] = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    const [name, value] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
    if (name === '' || value === '') {
      throw new UsageError(`--image=${text}: expected SETTING=VALUE, e.g. scale=0.00392 or format=NCHW`);
    }
    if (name !== 'format') parameters[IMAGE_PREFIX + name] = { string_value: value };
    else if (value === 'NCHW' || value === 'NHWC') format = value;
    else throw new UsageError(`--image=${text}: expected NCHW or NHWC`);
  }
  return { format, parameters };
}

/** Inputs with the format of a setting; with one that their sizes tell where they have none. */
function withFormats(
  config: ModelConfig,
  { inputs }: ModelDescription,
  format: PictureFormat | undefined,
): ModelConfig {
  const listed = config.input.length > 0 ? config.input : inputs.map(({ name }) => ({ ...NO_INPUT, name }));
  return {
    ...config,
    input: listed.map((input) => {
      if (format === undefined && input.format !== 'FORMAT_NONE') return input;
      const shape = inputs.find(({ name }) => name === input.name)?.shape ?? [];
      const guess = shape.length === 4 ? (format ?? formatOf(shape)) : undefined;
      return guess === undefined ? input : { ...input, format: `FORMAT_${guess}` };
    }),
  };
}

/** By where the colours can be; undefined where that may be in both places or none. */
function formatOf(shape: readonly number[]): PictureFormat | undefined {
  const [first, last] = [shape[1] ?? 0, shape[3] ?? 0].map((size) => size === 1 || size === 3);
  if (first === last) return undefined;
  return first === true ? 'NCHW' : 'NHWC';
}

const NO_INPUT: ModelInputMessage = {
  name: '',
  data_type: 'TYPE_INVALID',
  format: 'FORMAT_NONE',
  dims: [],
  is_shape_tensor: false,
  allow_ragged_batch: false,
  optional: false,
  is_non_linear_format_io: false,
};
