import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quantizationSection } from './quantization.mjs';
import { toMarkdown } from './tables.mjs';

/** @typedef {import('./figures.mjs').Report} Report */

const BEGIN = '<!-- bench:begin, written by npm run bench -->';
const END = '<!-- bench:end -->';

/**
 * Writes the results of a full run: by date, as the latest, and into docs/performance.md.
 * @param {Report} report
 * @param {string} root of the package
 * @returns {Promise<string>} the file of this date
 */
export async function publish(report, root) {
  const path = await writeJson(report, join(root, 'bench/results'), report.date.slice(0, 10));
  await writeJson(report, join(root, 'bench/results'), 'latest');
  await writeBetweenMarkers(join(root, 'docs/performance.md'), toMarkdown(report));
  return path;
}

/** Writes what a run found about modes of quantization into docs/quantization.md. @param {Report} report @param {string} root */
export async function publishQuantization(report, root) {
  await writeBetweenMarkers(join(root, 'docs/quantization.md'), quantizationSection(report));
}

/** @param {string} path of the document @param {string} content */
async function writeBetweenMarkers(path, content) {
  const text = await readFile(path, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${path} has no markers for the results`);
  await writeFile(path, `${text.slice(0, begin + BEGIN.length)}\n\n${content}\n\n${text.slice(end)}`);
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
