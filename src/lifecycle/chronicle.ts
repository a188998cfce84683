import type { Clock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import type { Log } from '../telemetry/log.js';
import type { HistoryEntry, HistoryStep, LifecycleEvent } from './history.js';

/** What is told of an event. */
export interface Occurrence {
  readonly model: string;
  readonly version: number | null;
  readonly event: LifecycleEvent;
  readonly why: string;
  readonly steps?: readonly HistoryStep[];
  /** Of the log line; made of the rest when left out. */
  readonly text?: string;
}

const LEVELS: Partial<Record<LifecycleEvent, 'error' | 'warn' | 'debug'>> = {
  failed: 'error',
  rejected: 'error',
  loading: 'debug',
  draining: 'debug',
  unloading: 'debug',
};

/** Remembers what happened to the models, a bounded number of events of each, and logs it. */
export class Chronicle {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #entries = new Map<string, HistoryEntry[]>();

  constructor({ log, clock }: { readonly log: Log; readonly clock: Clock }) {
    this.#log = log;
    this.#clock = clock;
  }

  record({ model, version, event, why, steps = [], text }: Occurrence): void {
    const entries = this.#entries.get(model) ?? [];
    entries.push({ atMs: this.#clock.wallMs(), version, event, why, steps });
    if (entries.length > LIMITS.historyEntriesMax) entries.shift();
    // The model that something happened to last is the last to be forgotten.
    this.#entries.delete(model);
    this.#entries.set(model, entries);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > LIMITS.historyModelsMax && oldest !== undefined) this.#entries.delete(oldest);
    const place = version === null ? `'${model}'` : `'${model}' version ${version}`;
    this.#log[LEVELS[event] ?? 'info'](
      {
        model,
        ...(version !== null && { version }),
        event,
        ...(steps.length > 0 && { steps: Object.fromEntries(steps.map(({ name, ms }) => [name, ms])) }),
      },
      text ?? `${place} ${event}${why === '' ? '' : `: ${why}`}`,
    );
  }

  /** Oldest first. */
  of(model: string): readonly HistoryEntry[] {
    return this.#entries.get(model) ?? [];
  }
}
