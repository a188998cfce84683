import type { Flag } from '../settings/flag.js';
import type { Command } from './command.js';

const WIDTH_MAX = 100;
const NAME_COLUMN = 34;

/** The help of the whole program. */
export function formatOverview(commands: readonly Command[], helpSummary: string): string {
  const lines = [...commands, { name: 'help [COMMAND]', summary: helpSummary }].map(
    ({ name, summary }) => `  ${name.padEnd(16)}${summary}`,
  );
  return [
    'Naiad, an inference server for Node.js that speaks the protocol of Triton and KServe v2.',
    '',
    'Usage: naiad COMMAND [flags]',
    '',
    ...lines,
    '',
    "'naiad COMMAND --help' shows the flags of a command.",
    '',
  ].join('\n');
}

/** The help of one command. */
export function formatCommandHelp(command: Command, columns: number): string {
  const width = Math.min(columns, WIDTH_MAX);
  const usage = ['naiad', command.name, command.operands, command.flags.length > 0 ? '[flags]' : ''];
  return [
    `Usage: ${usage.filter((word) => word !== '').join(' ')}`,
    '',
    ...[command.summary, ...command.text].flatMap((text) => [...wrapText(text, width), '']),
    ...groupsOf(command.flags).flatMap(([group, flags]) => [
      group === '' ? 'Flags:' : `${group}:`,
      ...flags.flatMap((flag) => flagLines(flag, width)),
      '',
    ]),
    'Exit codes:',
    ...Object.entries(command.exits).flatMap(([code, text]) => entryLines(`  ${code}`, 5, text, width)),
    '',
    ...(command.examples.length > 0 ? ['Examples:', ...command.examples.map((text) => `  ${text}`), ''] : []),
  ].join('\n');
}

/** `--grpc-port=PORT`, the way a flag is written. */
export function flagUsage(flag: Flag<unknown>): string {
  if (flag.argument === 'none') return `--${flag.name}`;
  return flag.argument === 'optional'
    ? `--${flag.name}[=${flag.placeholder}]`
    : `--${flag.name}=${flag.placeholder}`;
}

/** Flags by group, groups in the order of their first flag. */
export function groupsOf(flags: readonly Flag<unknown>[]): [string, Flag<unknown>[]][] {
  const groups = new Map<string, Flag<unknown>[]>();
  for (const flag of flags) {
    const group = groups.get(flag.group);
    if (group === undefined) groups.set(flag.group, [flag]);
    else group.push(flag);
  }
  return [...groups];
}

function flagLines(flag: Flag<unknown>, width: number): string[] {
  const fallback = flag.fallbackText === '' ? '' : ` Default: ${flag.fallbackText}.`;
  return entryLines(`  ${flagUsage(flag)}`, NAME_COLUMN, `${flag.help}${fallback}`, width);
}

function entryLines(name: string, column: number, text: string, width: number): string[] {
  const [first = '', ...rest] = wrapText(text, Math.max(width - column, 30));
  const indent = ' '.repeat(column);
  const lines = rest.map((line) => indent + line);
  return name.length < column - 1
    ? [name.padEnd(column) + first, ...lines]
    : [name, indent + first, ...lines];
}

function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current];
}
