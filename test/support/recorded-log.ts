import type { LogSettings } from '#naiad/settings/settings.js';
import type { AdjustableLog, Log, LogChanges } from '#naiad/telemetry/log.js';

export interface LogLine {
  readonly level: keyof Log | 'fatal';
  readonly fields: object;
  readonly message: string;
}

/** A log that keeps its lines for the test to look at. */
export class RecordedLog implements AdjustableLog {
  readonly lines: LogLine[] = [];
  settings: LogSettings = {
    verbose: 0,
    info: true,
    warning: true,
    error: true,
    format: 'json',
    file: '',
    access: false,
  };

  /** Settings are kept; lines are recorded whatever they say. */
  change(changes: LogChanges): void {
    this.settings = { ...this.settings, ...changes };
  }

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

  messages(level: LogLine['level']): string[] {
    return this.lines.filter((line) => line.level === level).map(({ message }) => message);
  }
}
