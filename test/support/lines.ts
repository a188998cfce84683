import type { Log } from '#naiad/telemetry/log.js';

/** A log that keeps what was said. */
export class Lines implements Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[] = [];

  trace(fields: object, message: string): void {
    this.lines.push({ level: 'trace', fields, message });
  }

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }
}
