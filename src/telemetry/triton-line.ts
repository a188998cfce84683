/** A parsed line of the JSON log. */
interface LogRecord {
  readonly level: string;
  /** ISO 8601 in UTC. */
  readonly time: string;
  readonly pid: number;
  readonly hostname: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Triton knows no finer levels: what is verbose is information, too. */
const LETTERS: Readonly<Record<string, string>> = { warn: 'W', error: 'E', fatal: 'E' };

/** Where Triton has a source file and its line. */
const SOURCE = 'naiad';

/**
 * A line of the JSON log as Triton's `--log-format` has it, fields as JSON after the message:
 * `I1121 21:20:01.123000 77 naiad] "loaded" {"model":"simple"}` for `default`,
 * `2026-11-21T21:20:01Z 77 I naiad] "loaded" {"model":"simple"}` for `ISO8601`.
 */
export function toTritonLine(line: string, format: 'default' | 'ISO8601'): string {
  const { level, time, pid, hostname: _, msg, ...fields } = JSON.parse(line) as LogRecord;
  const letter = LETTERS[level] ?? 'I';
  const head =
    format === 'default'
      ? `${letter}${time.slice(5, 7)}${time.slice(8, 10)} ${time.slice(11, 23)}000 ${pid}`
      : `${time.slice(0, 19)}Z ${pid} ${letter}`;
  const tail = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
  return `${head} ${SOURCE}] ${JSON.stringify(msg)}${tail}\n`;
}
