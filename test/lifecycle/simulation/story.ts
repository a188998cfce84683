import type { Clock } from '#naiad/lib/clock.js';
import type { Log } from '#naiad/telemetry/log.js';

const LINES_MAX = 80;

/** The last of what the server logs and of what happens to it, for the report of a failure. */
export class Story implements Log {
  readonly #clock: Clock;
  readonly #startNs: number;
  #lines: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startNs = clock.nowNs();
  }

  get text(): string {
    return this.#lines.slice(-LINES_MAX).join('\n');
  }

  tell(who: string, what: string): void {
    const seconds = (this.#clock.nowNs() - this.#startNs) / 1e9;
    this.#lines.push(`${seconds.toFixed(3).padStart(9)} ${who}: ${what}`);
    if (this.#lines.length > 2 * LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX);
  }

  trace(_fields: object, message: string): void {
    this.tell('trace', message);
  }

  debug(_fields: object, message: string): void {
    this.tell('debug', message);
  }

  info(_fields: object, message: string): void {
    this.tell('info', message);
  }

  warn(_fields: object, message: string): void {
    this.tell('warn', message);
  }

  error(_fields: object, message: string): void {
    this.tell('error', message);
  }
}
