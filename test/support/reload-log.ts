import type { LifecycleEvent } from '#naiad/lifecycle/history.js';
import { RecordedLog } from './recorded-log.js';

/** Something that happened to a model, as the log told it. */
export interface Happening {
  /** By the clock of `performance.now`. */
  readonly atMs: number;
  readonly model: string;
  /** null = the model as a whole. */
  readonly version: number | null;
  readonly event: LifecycleEvent;
  readonly message: string;
}

/** What is waited for; what is left out may be anything. */
export type Awaited = Partial<Omit<Happening, 'atMs' | 'message'>> & { readonly message?: RegExp };

/** A log that tells what happened to the models, and when. */
export class ReloadLog extends RecordedLog {
  readonly happenings: Happening[] = [];
  readonly #listeners = new Set<(happening: Happening) => void>();
  readonly #patienceMs: number;

  /** @param patienceMs how long something may take that is waited for, on a machine that has more to do */
  constructor(patienceMs = 25_000) {
    super();
    this.#patienceMs = patienceMs;
  }

  override debug(fields: object, message: string): void {
    super.debug(fields, message);
    this.#note(fields, message);
  }

  override info(fields: object, message: string): void {
    super.info(fields, message);
    this.#note(fields, message);
  }

  override warn(fields: object, message: string): void {
    super.warn(fields, message);
    this.#note(fields, message);
  }

  override error(fields: object, message: string): void {
    super.error(fields, message);
    this.#note(fields, message);
  }

  /** Calls `listener` with everything that happens from now on, at that moment. */
  onHappening(listener: (happening: Happening) => void): void {
    this.#listeners.add(listener);
  }

  /** Does `act` and resolves with the first thing of that kind that happens from then on. */
  async after(act: () => unknown, awaited: Awaited): Promise<Happening> {
    const from = this.happenings.length;
    await act();
    return this.next(awaited, from);
  }

  /** The first thing of that kind that has happened since there were `from` happenings. */
  async next(awaited: Awaited, from = this.happenings.length): Promise<Happening> {
    const found = this.happenings.slice(from).find((happening) => isAwaited(happening, awaited));
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#listeners.delete(listener);
        clearTimeout(timer);
      };
      const listener = (happening: Happening): void => {
        if (!isAwaited(happening, awaited)) return;
        stop();
        resolve(happening);
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`no ${JSON.stringify(awaited)} among ${this.told(from).join('; ')}`));
      }, this.#patienceMs);
      this.#listeners.add(listener);
    });
  }

  /** What has happened since there were `from` happenings, in words. */
  told(from = 0): string[] {
    return this.happenings.slice(from).map(({ message }) => message);
  }

  #note(fields: object, message: string): void {
    if (!('event' in fields && 'model' in fields)) return;
    const { model, version = null, event } = fields as Omit<Happening, 'version'> & { version?: number };
    const happening = { atMs: performance.now(), model, version, event, message };
    this.happenings.push(happening);
    for (const listener of [...this.#listeners]) listener(happening);
  }
}

function isAwaited(happening: Happening, { model, version, event, message }: Awaited): boolean {
  return (
    (model === undefined || happening.model === model) &&
    (version === undefined || happening.version === version) &&
    (event === undefined || happening.event === event) &&
    (message === undefined || message.test(happening.message))
  );
}
