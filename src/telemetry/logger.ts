import { type DestinationStream, type Level, pino, stdTimeFunctions } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { systemClock } from '../lib/clock.js';
import type { LogSettings } from '../settings/settings.js';
import { LineOutput } from './line-output.js';
import type { Log } from './log.js';

/** The process's log on standard output. */
export interface Logger extends Log {
  /** The process ends because of this; always written. */
  fatal(fields: object, message: string): void;
  /** Writes what is still in memory; call it before the process ends by a signal. */
  flush(): void;
}

type Write = (fields: object, message: string) => void;

const ignore = (): void => {};

/**
 * JSON lines (`level`, `time` in ISO 8601, `msg`, fields) or, when `format` is pretty, lines for people.
 * Warnings and worse are written at once, other lines together at the end of a turn of the event loop,
 * all of them synchronously.
 */
export function createLogger(settings: LogSettings, options: { readonly colour: boolean }): Logger {
  const output = new LineOutput(systemClock);
  const write = settings.format === 'pretty' ? prettyWriter(output, options.colour) : output;
  const logger = pino(
    {
      level: 'trace',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
      depthLimit: 6,
      edgeLimit: 100,
    },
    write,
  );

  const writeNow = (): void => {
    output.writeNow();
    const lines = output.takeLost();
    if (lines > 0) logger.warn({ lines }, 'lines of the log were lost, they could not be written in time');
  };
  const at = (level: Level, enabled: boolean, then: () => void): Write =>
    enabled
      ? (fields, message) => {
          logger[level](fields, message);
          then();
        }
      : ignore;
  return {
    trace: at('trace', settings.verbose >= 2, ignore),
    debug: at('debug', settings.verbose >= 1, ignore),
    info: at('info', settings.info, ignore),
    warn: at('warn', settings.warning, writeNow),
    error: at('error', settings.error, writeNow),
    fatal: at('fatal', true, writeNow),
    flush: () => output.flush(),
  };
}

function prettyWriter(output: DestinationStream, colour: boolean): DestinationStream {
  const pretty = prettyFactory({
    colorize: colour,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  });
  return {
    write(line) {
      output.write(pretty(line));
    },
  };
}
