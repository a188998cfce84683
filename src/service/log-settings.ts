import { logErrors } from '../errors/settings-errors.js';
import type { LogFormat } from '../settings/settings.js';
import type { AdjustableLog } from '../telemetry/log.js';

/** A setting of the log as protocols carry it. */
export type LogSettingValue = boolean | number | string;

/** Triton's two, and ours. */
const FORMATS: readonly LogFormat[] = ['default', 'ISO8601', 'json', 'pretty'];

/** Levels are counted in 32 bits. */
const VERBOSE_MAX = 2 ** 32 - 1;

/** All settings in force by Triton's names. */
export function logSettings({ settings }: AdjustableLog): ReadonlyMap<string, LogSettingValue> {
  return new Map<string, LogSettingValue>([
    ['log_file', settings.file],
    ['log_info', settings.info],
    ['log_warning', settings.warning],
    ['log_error', settings.error],
    ['log_verbose_level', settings.verbose],
    ['log_format', settings.format],
  ]);
}

/**
 * Changes settings in Triton's order, so that those before a mistake stay changed; names that mean
 * nothing are passed over, as there. Null stands for a value that was left out. Throws ServingError.
 */
export function changeLogSettings(
  log: AdjustableLog,
  changes: ReadonlyMap<string, LogSettingValue | null>,
): void {
  if (changes.has('log_file')) throw logErrors.file();
  const flag = (name: string, apply: (value: boolean) => void): void => {
    const value = changes.get(name);
    if (value === undefined) return;
    if (typeof value !== 'boolean') throw logErrors.boolean(name);
    apply(value);
  };
  flag('log_info', (info) => log.change({ info }));
  flag('log_warning', (warning) => log.change({ warning }));
  flag('log_error', (error) => log.change({ error }));
  const verbose = changes.get('log_verbose_level');
  if (verbose !== undefined) {
    if (!isLevel(verbose)) throw logErrors.integer('log_verbose_level');
    log.change({ verbose });
  }
  const format = changes.get('log_format');
  if (format !== undefined) {
    if (typeof format !== 'string') throw logErrors.string('log_format');
    const known = FORMATS.find((candidate) => candidate === format);
    if (known === undefined) throw logErrors.format(format);
    log.change({ format: known });
  }
}

function isLevel(value: LogSettingValue | null): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= VERBOSE_MAX;
}
