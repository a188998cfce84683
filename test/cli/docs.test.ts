import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { COMMANDS } from '#naiad/cli/commands.js';
import { referenceParts, withParts } from './reference.js';

const DOCS = fileURLToPath(new URL('../../docs/cli.md', import.meta.url));

it('docs/cli.md is what the data says (UPDATE_DOCS=1 rewrites it)', () => {
  const written = readFileSync(DOCS, 'utf8');
  const made = withParts(written, referenceParts());
  if (process.env.UPDATE_DOCS === '1') writeFileSync(DOCS, made);
  else expect(written).toBe(made);
});

it('docs/cli.md has a section for every command', () => {
  const text = readFileSync(DOCS, 'utf8');
  for (const { name } of COMMANDS) expect(text).toContain(`\n## naiad ${name}\n`);
});

it('every flag and command has a help text that ends as a sentence', () => {
  for (const { flags, summary, text } of COMMANDS) {
    for (const sentence of [summary, ...text, ...flags.map(({ help }) => help)]) {
      expect(sentence).toMatch(/[.:]$/);
    }
  }
});
