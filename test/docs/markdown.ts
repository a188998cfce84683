import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** Text of a file by its path from the root of the package. */
export function readDoc(path: string): string {
  return readFileSync(resolve(ROOT, path), 'utf8');
}

/** What stands under a heading, up to the next one that is not below it. Throws when there is none. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = headingLines(lines).findIndex(({ title }) => title === heading);
  const headings = headingLines(lines);
  const found = headings[start];
  if (found === undefined) throw new Error(`no heading '${heading}'`);
  const next = headings.slice(start + 1).find(({ level }) => level <= found.level);
  return lines.slice(found.index + 1, next?.index).join('\n');
}

/** Texts of all headings. */
export function headings(text: string): string[] {
  return headingLines(text.split('\n')).map(({ title }) => title);
}

interface Heading {
  readonly index: number;
  readonly level: number;
  readonly title: string;
}

function headingLines(lines: readonly string[]): Heading[] {
  let isCode = false;
  return lines.flatMap((line, index): Heading[] => {
    if (line.startsWith('```')) isCode = !isCode;
    const match = isCode ? null : /^(#+) (.*)$/.exec(line);
    return match === null ? [] : [{ index, level: match[1]?.length ?? 0, title: match[2] ?? '' }];
  });
}

/** Cells of every table's rows, heads left out. */
export function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const isHead = /^\|[-|]+\|$/.test(lines[index + 1] ?? '');
    if (!line.startsWith('|') || /^\|[-|]+\|$/.test(line) || isHead) return [];
    return [
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ];
  });
}

/** Contents of the fenced blocks in a language; '' = those without one. */
export function codeBlocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].flatMap(([, name = '', code = '']) =>
    name === language ? [code] : [],
  );
}

/** The text within a cell's backticks, `undefined` when it is not all code. */
export function codeOf(cell: string | undefined): string | undefined {
  return /^`([^`]*)`$/.exec(cell ?? '')?.[1];
}

/** `65,536` */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
