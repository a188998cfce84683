import { didYouMean } from '../lib/did-you-mean.js';
import { parseFlags } from '../settings/parse-flags.js';
import type { Command } from './command.js';
import { COMMANDS, HELP_SUMMARY } from './commands.js';
import { CommandError, EXIT, UsageError } from './exit-codes.js';
import type { Io } from './io.js';
import { formatCommandHelp, formatOverview } from './usage.js';

/** Runs one command line, without the program's name; resolves to its exit code and never rejects. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const [word, ...rest] = argv;
  switch (word) {
    case undefined:
      io.err(formatOverview(COMMANDS, HELP_SUMMARY));
      return EXIT.usage;
    case '--help':
    case '-h':
      io.out(formatOverview(COMMANDS, HELP_SUMMARY));
      return EXIT.ok;
    case 'help':
      return help(rest, io);
    case '--version':
      return run(['version', ...rest], io);
    default: {
      const command = COMMANDS.find(({ name }) => name === word);
      return command === undefined ? unknownCommand(word, io) : runCommand(command, rest, io);
    }
  }
}

async function runCommand(command: Command, argv: readonly string[], io: Io): Promise<number> {
  if (parseFlags(argv, command.flags).help) {
    io.out(formatCommandHelp(command, io.columns));
    return EXIT.ok;
  }
  const prefix = `naiad ${command.name}`;
  try {
    const runIt = await command.load();
    return await runIt(argv, io);
  } catch (error) {
    if (error instanceof UsageError) {
      for (const line of error.lines) io.err(`${prefix}: ${line}\n`);
      io.err(`'${prefix} --help' shows how it is used.\n`);
      return EXIT.usage;
    }
    const text = error instanceof Error ? error.message : String(error);
    io.err(`${prefix}: ${error instanceof CommandError ? text : `internal error: ${text}`}\n`);
    return EXIT.failed;
  }
}

function help(argv: readonly string[], io: Io): number {
  const [word] = argv;
  if (word === undefined) {
    io.out(formatOverview(COMMANDS, HELP_SUMMARY));
    return EXIT.ok;
  }
  const command = COMMANDS.find(({ name }) => name === word);
  if (command === undefined) return unknownCommand(word, io);
  io.out(formatCommandHelp(command, io.columns));
  return EXIT.ok;
}

function unknownCommand(word: string, io: Io): number {
  const names = [...COMMANDS.map(({ name }) => name), 'help'];
  io.err(`naiad: unknown command '${word}'${didYouMean(word, names)}\n`);
  io.err(`Commands: ${names.join(', ')}. 'naiad help' tells what they do.\n`);
  return EXIT.usage;
}
