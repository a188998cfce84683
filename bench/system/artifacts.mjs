import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @typedef {object} QuantizationReport what a server found of it; see docs/quantization.md
 * @property {{ original: number, quantized: number }} bytes
 * @property {readonly { cosine: number, top1Agreement: number | null }[]} outputs
 * @property {{ worst: readonly { weightBytesBefore: number, weightBytesAfter: number }[] }} layers
 * @property {readonly { name: string, ms: number }[]} steps
 *
 * @typedef {object} Made what lanes load of a model
 * @property {string} file path of the model's file
 * @property {boolean} compiled whether it is in the form made for the machine
 * @property {QuantizationReport | null} report null = it is not quantized
 */

/** What a server made of models. @param {string} cache its folder @returns {Promise<Map<string, Made>>} by the model's name */
export async function artifactsIn(cache) {
  const folder = join(cache, 'artifacts');
  /** @type {Map<string, Made>} */
  const made = new Map();
  for (const name of await readdir(folder)) {
    const { label, tree, details } = JSON.parse(await readFile(join(folder, name), 'utf8'));
    if (tree === null) continue;
    made.set(label.model, { file: join(cache, 'trees', tree, 'files/model.onnx'), ...details });
  }
  return made;
}
