import { didYouMean } from '../lib/did-you-mean.js';
import { type Flag, textFlag } from './flag.js';
import type { ParsedFlags } from './parse-flags.js';
import {
  type CollectorSettings,
  DEFAULT_TRACE_SETTING,
  TRACE_LEVELS,
  type TraceSetting,
  type TraceSettings,
} from './trace-settings.js';

const TRACE = 'Traces';
const MODES = ['triton', 'opentelemetry'] as const;

/** What older releases of Triton call a part of `--trace-config`. */
const OLD_FLAGS = {
  'trace-file': 'triton,file',
  'trace-level': 'level',
  'trace-rate': 'rate',
  'trace-count': 'count',
  'trace-log-frequency': 'triton,log-frequency',
} as const;

/** The flags of `naiad serve` about traces. */
export const TRACE_FLAGS = {
  traceConfig: textFlag({
    name: 'trace-config',
    group: TRACE,
    fallback: '',
    placeholder: '[MODE,]SETTING=VALUE',
    repeatable: true,
    help: 'mode=triton|opentelemetry, level=OFF|TIMESTAMPS|TENSORS (repeatable), rate=N, count=N; triton,file=PATH, triton,log-frequency=N; opentelemetry,url=URL, opentelemetry,resource=KEY=VALUE, opentelemetry,bsp_max_queue_size|bsp_schedule_delay|bsp_max_export_batch_size=N.',
  }),
  traceFile: oldFlag('trace-file'),
  traceLevel: oldFlag('trace-level'),
  traceRate: oldFlag('trace-rate'),
  traceCount: oldFlag('trace-count'),
  traceLogFrequency: oldFlag('trace-log-frequency'),
} as const satisfies Record<string, Flag<string>>;

function oldFlag(name: keyof typeof OLD_FLAGS): Flag<string> {
  return textFlag({
    name,
    group: TRACE,
    fallback: '',
    placeholder: 'VALUE',
    repeatable: true,
    help: `Old name of --trace-config=${OLD_FLAGS[name]}=VALUE.`,
  });
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

const COUNTS: Readonly<Record<string, { readonly key: 'rate' | 'count'; readonly min: number }>> = {
  rate: { key: 'rate', min: 0 },
  count: { key: 'count', min: -1 },
};

const COLLECTOR_COUNTS: Readonly<Record<string, 'queueSpansMax' | 'delayMs' | 'batchSpansMax'>> = {
  bsp_max_queue_size: 'queueSpansMax',
  bsp_schedule_delay: 'delayMs',
  bsp_max_export_batch_size: 'batchSpansMax',
};

const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['mode', 'level', 'rate', 'count'],
  triton: ['file', 'log-frequency'],
  opentelemetry: ['url', 'resource', ...Object.keys(COLLECTOR_COUNTS)],
};

/** Reads all flags about traces; mistakes are whole lines for the user. */
export function readTraceFlags(flags: ParsedFlags): { settings: TraceSettings; mistakes: string[] } {
  const reader = new TraceFlagReader();
  const { traceConfig, traceFile, traceLevel, traceRate, traceCount, traceLogFrequency } = TRACE_FLAGS;
  for (const text of flags.all(traceConfig)) reader.readConfig(text);
  for (const flag of [traceFile, traceLevel, traceRate, traceCount, traceLogFrequency]) {
    const path = OLD_FLAGS[flag.name as keyof typeof OLD_FLAGS];
    for (const value of flags.all(flag)) reader.read(`--${flag.name}=${value}`, path, value);
  }
  return { settings: reader.settings(), mistakes: reader.mistakes };
}

class TraceFlagReader {
  readonly mistakes: string[] = [];
  readonly #setting: Draft<TraceSetting> = { ...DEFAULT_TRACE_SETTING };
  readonly #resource: Record<string, string> = { 'service.name': 'triton-inference-server' };
  readonly #collector: Draft<CollectorSettings> = {
    url: 'http://localhost:4318/v1/traces',
    resource: this.#resource,
    queueSpansMax: 2048,
    delayMs: 5000,
    batchSpansMax: 512,
  };
  #mode: TraceSettings['mode'] = 'triton';
  #file = '';

  settings(): TraceSettings {
    const { levels, rate } = this.#setting;
    if (levels.length > 0 && rate > 0 && this.#mode === 'triton' && this.#file === '') {
      this.mistakes.push('--trace-config=level needs a file: --trace-config=triton,file=PATH');
    }
    return { mode: this.#mode, initial: this.#setting, file: this.#file, collector: this.#collector };
  }

  readConfig(text: string): void {
    const [, path = '', value] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    if (value === undefined) this.mistakes.push(`--trace-config=${text}: expected [mode,]setting=value`);
    else this.read(`--trace-config=${text}`, path, value);
  }

  /** `where` is how the flag was written, `path` its setting with the mode in front. */
  read(where: string, path: string, value: string): void {
    const comma = path.lastIndexOf(',');
    const mode = comma < 0 ? '' : path.slice(0, comma);
    const key = path.slice(comma + 1);
    const problem = this.#apply(mode, key, value);
    if (problem !== null) this.mistakes.push(`${where}: ${problem}`);
  }

  #apply(mode: string, key: string, value: string): string | null {
    const known = Object.hasOwn(KEYS, mode) ? KEYS[mode] : undefined;
    if (known === undefined) return `no mode '${mode}'${didYouMean(mode, [...MODES])}`;
    if (!known.includes(key)) return `no setting '${key}'${didYouMean(key, known)}`;
    switch (`${mode},${key}`) {
      case ',mode':
        return this.#readMode(value);
      case ',level':
        return this.#readLevel(value);
      case 'triton,file':
        this.#file = value;
        return null;
      case 'triton,log-frequency':
        return readCount(value, 0, (count) => {
          this.#setting.logFrequency = count;
        });
      case 'opentelemetry,url':
        if (!URL.canParse(value) || !/^https?:/.test(value)) return 'expected an http or https URL';
        this.#collector.url = value;
        return null;
      case 'opentelemetry,resource':
        return this.#readResource(value);
    }
    const count = COUNTS[key];
    if (count !== undefined) {
      return readCount(value, count.min, (number) => {
        this.#setting[count.key] = number;
      });
    }
    const collectorKey = COLLECTOR_COUNTS[key];
    return collectorKey === undefined
      ? `no setting '${key}'`
      : readCount(value, 1, (number) => {
          this.#collector[collectorKey] = number;
        });
  }

  #readMode(value: string): string | null {
    const mode = MODES.find((candidate) => candidate === value.toLowerCase());
    if (mode === undefined) return `expected one of ${MODES.join(', ')}`;
    this.#mode = mode;
    return null;
  }

  /** MIN and MAX are what older releases had for the times. */
  #readLevel(value: string): string | null {
    const word = value === 'MIN' || value === 'MAX' ? 'TIMESTAMPS' : value;
    if (word === 'OFF') {
      this.#setting.levels = [];
      return null;
    }
    if (!TRACE_LEVELS.some((level) => level === word)) return `expected OFF, ${TRACE_LEVELS.join(' or ')}`;
    this.#setting.levels = TRACE_LEVELS.filter(
      (level) => level === word || this.#setting.levels.includes(level),
    );
    return null;
  }

  #readResource(value: string): string | null {
    const equals = value.indexOf('=');
    if (equals < 1) return 'expected KEY=VALUE';
    this.#resource[value.slice(0, equals)] = value.slice(equals + 1);
    return null;
  }
}

/** Null when it was a number from `min`, else what was expected. */
function readCount(value: string, min: number, apply: (count: number) => void): string | null {
  const count = /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(count >= min && count <= 2 ** 31 - 1)) return `expected a whole number from ${min}`;
  apply(count);
  return null;
}
