/** How every command ends; documented in each command's help and in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** It was understood and could not be done, or the answer is no. */
  failed: 1,
  /** The command line has mistakes. */
  usage: 2,
} as const;

/** The command line is wrong: one line of text for each mistake. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly lines: readonly string[];

  constructor(...lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** What the user asked for can't be done; the text says why, and what to do where that is known. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
