import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toMarkdown } from './tables.mjs';

/** @typedef {import('./figures.mjs').Report} Report */

const BEGIN = '<!-- bench:begin, written by npm run bench -->';
const END = '<!-- bench:end -->';

/**
 * Writes the results of a full run: by date, as the latest, and into the documentation.
 * @param {Report} report
 * @param {string} root of the package
 * @returns {Promise<string>} the file of this date
 */
export async function publish(report, root) {
  const path = await writeJson(report, join(root, 'bench/results'), report.date.slice(0, 10));
  await writeJson(report, join(root, 'bench/results'), 'latest');
  const docs = join(root, 'docs/performance.md');
  const text = await readFile(docs, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error('docs/performance.md has no markers for the results');
  await writeFile(
    docs,
    `${text.slice(0, begin + BEGIN.length)}\n\n${toMarkdown(report)}\n\n${text.slice(end)}`,
  );
  return path;
}

/**
 * Keeps the results of a quick or partial run where they are not mistaken for the real ones.
 * @param {Report} report
 * @param {string} root
 */
export function keep(report, root) {
  return writeJson(report, join(root, 'bench/results/tmp'), report.date.replaceAll(':', '-').slice(0, 19));
}

/** @param {Report} report @param {string} folder @param {string} name */
async function writeJson(report, folder, name) {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  await writeFile(path, `${JSON.stringify(report, rounded, 1)}\n`);
  return path;
}

/** @param {string} _key @param {unknown} value */
function rounded(_key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}
