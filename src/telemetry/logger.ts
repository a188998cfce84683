import { openSync, writeSync } from 'node:fs';
import { type Level, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { systemClock } from '../lib/clock.js';
import type { LogFormat, LogSettings } from '../settings/settings.js';
import { LineOutput, type WriteBytes } from './line-output.js';
import type { AdjustableLog } from './log.js';
import { toTritonLine } from './triton-line.js';

/** The process's log on standard output. */
export interface Logger extends AdjustableLog {
  /** The process ends because of this; always written. */
  fatal(fields: object, message: string): void;
  /** Writes what is still in memory; call it before the process ends by a signal. */
  flush(): void;
}

type Write = (fields: object, message: string) => void;

const ignore = (): void => {};

/**
 * JSON lines (`level`, `time` in ISO 8601, `msg`, fields), or lines for people or of Triton's look by `format`.
 * Warnings and worse are written at once, other lines together at the end of a turn of the event loop,
 * all of them synchronously.
 */
export function createLogger(initial: LogSettings, options: { readonly colour: boolean }): Logger {
  let settings = initial;
  const output = new LineOutput(systemClock, initial.file === '' ? undefined : appendTo(initial.file));
  const formats = lineFormats(options.colour);
  const logger = pino(
    {
      level: 'trace',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
      depthLimit: 6,
      edgeLimit: 100,
    },
    { write: (line: string) => output.write(formats[settings.format](line)) },
  );

  const writeNow = (): void => {
    output.writeNow();
    const lines = output.takeLost();
    if (lines > 0) logger.warn({ lines }, 'lines of the log were lost, they could not be written in time');
  };
  const at =
    (level: Level, isEnabled: () => boolean, then: () => void): Write =>
    (fields, message) => {
      if (!isEnabled()) return;
      logger[level](fields, message);
      then();
    };
  return {
    get settings(): LogSettings {
      return settings;
    },
    change(changes): void {
      settings = { ...settings, ...changes };
    },
    trace: at('trace', () => settings.verbose >= 2, ignore),
    debug: at('debug', () => settings.verbose >= 1, ignore),
    info: at('info', () => settings.info, ignore),
    warn: at('warn', () => settings.warning, writeNow),
    error: at('error', () => settings.error, writeNow),
    fatal: at('fatal', () => true, writeNow),
    flush: () => output.flush(),
  };
}

/** Throws an Error for the user when the file can't be opened. */
function appendTo(file: string): WriteBytes {
  try {
    const descriptor = openSync(file, 'a');
    return (bytes) => writeSync(descriptor, bytes);
  } catch (error) {
    throw new Error(
      `--log-file=${file} can't be written: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** How a line of JSON is written, by format. */
function lineFormats(colour: boolean): Readonly<Record<LogFormat, (line: string) => string>> {
  const pretty = prettyFactory({
    colorize: colour,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  });
  return {
    json: (line) => line,
    pretty: (line) => String(pretty(line)),
    default: (line) => toTritonLine(line, 'default'),
    ISO8601: (line) => toTritonLine(line, 'ISO8601'),
  };
}
