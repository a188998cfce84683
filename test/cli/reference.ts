import type { Command } from '#naiad/cli/command.js';
import { COMMANDS } from '#naiad/cli/commands.js';
import { flagUsage, groupsOf } from '#naiad/cli/usage.js';
import type { Flag } from '#naiad/settings/flag.js';
import { TRITON_FLAGS, type TritonFlag } from '#naiad/settings/triton-flags.js';

/** The parts of docs/cli.md that are made from the data, by the name in their markers. */
export function referenceParts(): Map<string, string> {
  const parts = new Map(COMMANDS.map((command) => [command.name, commandPart(command)]));
  parts.set('triton', tritonPart());
  return parts;
}

/** Replaces what stands between the markers `<!-- NAME: generated -->` and `<!-- NAME: end -->`. */
export function withParts(markdown: string, parts: ReadonlyMap<string, string>): string {
  let text = markdown;
  for (const [name, part] of parts) {
    const start = `<!-- ${name}: generated -->\n`;
    const end = `<!-- ${name}: end -->`;
    const [before, rest] = splitAt(text, start, name);
    const [, after] = splitAt(rest, end, name);
    text = `${before}${start}${part}${end}${after}`;
  }
  return text;
}

function splitAt(text: string, marker: string, name: string): [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`docs/cli.md has no marker '${marker.trim()}' for ${name}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

function commandPart({ name, summary, operands, text, flags, exits, examples }: Command): string {
  const usage = ['naiad', name, operands, flags.length > 0 ? '[flags]' : ''].filter((word) => word !== '');
  return [
    summary,
    '',
    '```',
    usage.join(' '),
    '```',
    '',
    ...text.flatMap((paragraph) => [paragraph, '']),
    ...groupsOf(flags).flatMap(([group, members]) => [
      ...(group === '' ? [] : [`**${group}**`, '']),
      '| flag | default | meaning |',
      '|---|---|---|',
      ...members.map(flagRow),
      '',
    ]),
    '| exit code | meaning |',
    '|---|---|',
    ...Object.entries(exits).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    ...(examples.length === 0 ? [] : ['```', ...examples, '```', '']),
  ].join('\n');
}

function flagRow(flag: Flag<unknown>): string {
  const names = [flagUsage(flag), ...flag.aliases.map((alias) => `--${alias}`)];
  const cells = [
    names.map((text) => `\`${cell(text)}\``).join(' '),
    cell(flag.fallbackText),
    cell(flag.help),
  ];
  return `| ${cells.join(' | ')} |`;
}

function tritonPart(): string {
  return [
    "| Triton's flag | here |",
    '|---|---|',
    ...TRITON_FLAGS.map((flag) => `| \`--${flag.name}\` | ${verdict(flag)} |`),
    '',
  ].join('\n');
}

function verdict({ neutral, why }: TritonFlag): string {
  const except = neutral === undefined ? '' : ` (\`${neutral}\` without one)`;
  return `ignored with a warning${except}: ${why}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
