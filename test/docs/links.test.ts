import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { headings, ROOT, readDoc } from './markdown.js';

const FILES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true })
    .map((name) => join('docs', String(name)))
    .filter((name) => name.endsWith('.md')),
];

/** The anchor that GitHub makes of a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function brokenLinks(file: string): string[] {
  const text = readDoc(file).replaceAll(/^```.*?^```$/gms, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => String(match[1]));
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', fragment] = target.split('#');
    const place = path === '' ? file : relative(ROOT, join(ROOT, dirname(file), path));
    if (!existsSync(join(ROOT, place))) return true;
    return fragment !== undefined && !headings(readDoc(place)).map(anchor).includes(fragment);
  });
}

describe('links', () => {
  it('are looked for in all documents', () => {
    expect(FILES).toContain('docs/protocol.md');
    expect(FILES.length).toBeGreaterThan(6);
  });

  it.each(FILES)('of %s lead to files and headings that exist', (file) => {
    expect(brokenLinks(file)).toEqual([]);
  });
});
