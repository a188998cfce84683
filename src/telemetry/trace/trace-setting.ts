import { traceErrors } from '../../errors/settings-errors.js';
import {
  TRACE_LEVELS,
  type TraceLevel,
  type TraceMode,
  type TraceSetting,
} from '../../settings/trace-settings.js';

/** What a model has of its own; the rest is that of all models. */
export type TraceOverride = Partial<TraceSetting>;

/** Values by Triton's names; none clears what a model has of its own. */
export type TraceChanges = ReadonlyMap<string, readonly string[]>;

/** Names of the settings that can be changed, in the order in which Triton reads them. */
const FIELDS = {
  trace_level: 'levels',
  trace_rate: 'rate',
  trace_count: 'count',
  log_frequency: 'logFrequency',
} as const satisfies Record<string, keyof TraceSetting>;

const RANGES = {
  trace_rate: [0, 2 ** 32 - 1],
  trace_count: [-1, 2 ** 31 - 1],
  log_frequency: [0, 2 ** 32 - 1],
} as const;

/**
 * What `override` becomes by `changes`; a new one. Names that mean nothing are passed over, as Triton does.
 * Throws ServingError, nothing being changed then.
 */
export function changeTrace(override: TraceOverride, changes: TraceChanges): TraceOverride {
  if (changes.has('trace_file')) throw traceErrors.file();
  const changed: { -readonly [K in keyof TraceOverride]: TraceOverride[K] } = { ...override };
  const levels = changes.get('trace_level');
  if (levels !== undefined) {
    if (levels.length === 0) delete changed.levels;
    else changed.levels = readLevels(levels);
  }
  for (const name of ['trace_rate', 'trace_count', 'log_frequency'] as const) {
    const values = changes.get(name);
    if (values === undefined) continue;
    if (values.length === 0) delete changed[FIELDS[name]];
    else changed[FIELDS[name]] = readNumber(name, values);
  }
  return changed;
}

/** Words that are no level count as none, as in Triton. */
function readLevels(words: readonly string[]): readonly TraceLevel[] {
  if (words.includes('OFF') && words.length > 1) throw traceErrors.offAndMore();
  return TRACE_LEVELS.filter((level) => words.includes(level));
}

/** A number in front of anything else, which is how Triton reads it. */
function readNumber(name: keyof typeof RANGES, values: readonly string[]): number {
  const [value = '', ...more] = values;
  if (more.length > 0) throw traceErrors.oneValue(name);
  const digits = /^\s*([+-]?\d+)/.exec(value)?.[1];
  if (digits === undefined) throw traceErrors.noNumber(name, value);
  const [min, max] = RANGES[name];
  const number = Number(digits);
  if (number < min || number > max) throw traceErrors.outOfRange(name, min, max, value);
  return number;
}

/** Why nothing can be traced although it is switched on; null when it can, or is off. */
export function traceObstacle({ levels, rate }: TraceSetting, mode: TraceMode, file: string): string | null {
  if (levels.length === 0) return null;
  if (rate === 0) return 'sample rate must be non-zero';
  return mode === 'triton' && file === '' ? 'trace file name is not given' : null;
}

/** Settings in force by Triton's names. */
export function viewTrace(
  { levels, rate, count, logFrequency }: TraceSetting,
  mode: TraceMode,
  file: string,
): ReadonlyMap<string, readonly string[]> {
  const view = new Map<string, readonly string[]>([
    ['trace_level', levels.length === 0 ? ['OFF'] : levels],
    ['trace_rate', [String(rate)]],
    ['trace_count', [String(count)]],
    ['trace_mode', [mode]],
  ]);
  if (mode === 'triton') {
    view.set('trace_file', [file]);
    view.set('log_frequency', [String(logFrequency)]);
  }
  return view;
}
