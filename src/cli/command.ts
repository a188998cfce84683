import type { Flag } from '../settings/flag.js';
import { type ParsedFlags, parseFlags } from '../settings/parse-flags.js';
import { UsageError } from './exit-codes.js';
import type { Io } from './io.js';

/** A command as data; what it does is loaded when it runs, so that the light ones start fast. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Behind `naiad NAME`, e.g. `MODEL [FILE...]`. */
  readonly operands: string;
  /** Paragraphs of its help. */
  readonly text: readonly string[];
  readonly flags: readonly Flag<unknown>[];
  readonly examples: readonly string[];
  /** What each of its exit codes means. */
  readonly exits: Readonly<Record<number, string>>;
  load(): Promise<RunCommand>;
}

/** Runs a command; resolves to the exit code. Rejects with UsageError or CommandError. */
export type RunCommand = (argv: readonly string[], io: Io) => Promise<number>;

/** Reads a command's flags; throws {@link UsageError} with all mistakes. */
export function readFlags(argv: readonly string[], flags: readonly Flag<unknown>[]): ParsedFlags {
  const parsed = parseFlags(argv, flags);
  if (parsed.mistakes.length > 0) throw new UsageError(...parsed.mistakes);
  return parsed;
}
