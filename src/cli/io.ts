import { readEnvironment } from '../settings/environment.js';

/** Where a command writes. Results go to `out`, everything else to `err`. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** Characters in a line of the terminal; Infinity when there is none. */
  readonly columns: number;
}

export function processIo(): Io {
  const { terminal } = readEnvironment();
  // `naiad models | head -1` ends early: no reason for a stack trace.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    outIsTerminal: terminal,
    errIsTerminal: process.stderr.isTTY === true,
    columns: terminal ? process.stdout.columns : Number.POSITIVE_INFINITY,
  };
}
