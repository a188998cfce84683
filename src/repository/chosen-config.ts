import { join } from 'node:path';
import type { Finding } from '../model-config/findings.js';
import { parseConfig } from '../model-config/parse.js';
import { emptyConfig, type ParsedConfig } from '../model-config/parsed-config.js';
import { NOWHERE } from '../model-config/problem.js';
import { errorCode, isLasting, readFailure } from './fs-errors.js';
import type { ConfigFile, ModelFolder } from './model-folder.js';
import { readTextFile } from './text-file.js';

/** Which configuration is read; the model's usual one where nothing is said. */
export interface SourceOptions {
  /** Use `configs/<name>.pbtxt` of models that have it; '' = no. */
  readonly configName?: string;
  /** JSON of a ModelConfig, which replaces any file. */
  readonly override?: string;
}

/** A configuration as read; what is wrong with it is among its findings. */
export interface ChosenConfig extends ParsedConfig {
  /** What findings call its place, relative to the model's folder; '' = there is none. */
  readonly configFile: string;
}

const OVERRIDE = 'config override';

/** Reads the configuration that `options` choose. Rejects with an Error for people when that can't be done now. */
export async function readChosenConfig(
  folder: ModelFolder,
  { configName = '', override }: SourceOptions,
): Promise<ChosenConfig> {
  if (override !== undefined) return readOverride(override);
  const variant = configName === '' ? null : await readVariant(folder, configName);
  if (variant !== null) return variant;
  if (folder.configFile !== null) return readFile(folder, folder.configFile);
  return { config: emptyConfig(), findings: [], locate: NOWHERE, configFile: '' };
}

/** Whatever can't be read of it has Triton's text, since it came with a request. */
function readOverride(text: string): ChosenConfig {
  const parsed = parseConfig('json', text, OVERRIDE);
  const errors = parsed.findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return { ...parsed, configFile: OVERRIDE };
  const message = `Invalid config override: ${errors.map((error) => error.message).join('; ')}`;
  const findings: Finding[] = [{ severity: 'error', file: '', line: 0, message }];
  return { ...parsed, findings, configFile: OVERRIDE };
}

/** null when the model has no such variant. */
async function readVariant(folder: ModelFolder, name: string): Promise<ChosenConfig | null> {
  const file: ConfigFile = { path: `configs/${name}.pbtxt`, kind: 'pbtxt' };
  try {
    return parse(file, await readTextFile(join(folder.directory, file.path)));
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(errorCode(error)) ? null : unread(file, error);
  }
}

async function readFile({ directory }: ModelFolder, file: ConfigFile): Promise<ChosenConfig> {
  try {
    return parse(file, await readTextFile(join(directory, file.path)));
  } catch (error) {
    return unread(file, error);
  }
}

function parse({ kind, path }: ConfigFile, text: string): ChosenConfig {
  return { ...parseConfig(kind, text, path), configFile: path };
}

function unread({ path }: ConfigFile, error: unknown): ChosenConfig {
  const message = `can't read the configuration: ${readFailure(error)}`;
  if (!isLasting(error)) throw new Error(`${path}: ${message}`, { cause: error });
  return {
    config: emptyConfig(),
    findings: [{ severity: 'error', file: path, line: 0, message }],
    locate: NOWHERE,
    configFile: path,
  };
}
