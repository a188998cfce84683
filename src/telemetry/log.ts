import type { LogSettings } from '../settings/settings.js';

/** The part of pino's logger that this server uses: an object of fields first, then a message. */
export interface Log {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What can be changed while the log is written. */
export type LogChanges = Partial<Pick<LogSettings, 'verbose' | 'info' | 'warning' | 'error' | 'format'>>;

/** A log whose settings change while it is written. */
export interface AdjustableLog extends Log {
  /** Those in force. */
  readonly settings: LogSettings;
  change(changes: LogChanges): void;
}
