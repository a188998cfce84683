import { readFile } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import * as ort from 'onnxruntime-node';
import { loop } from './loop.mjs';

/**
 * @typedef {object} InferOptions
 * @property {string} model path of the `.onnx` file
 * @property {string} input
 * @property {'float32' | 'uint8' | 'int32'} type
 * @property {readonly number[]} shape
 * @property {string | null} dataFile bytes of the tensor; null = zeros
 * @property {boolean} [compiled] whether the file is in the form that a server makes for the machine
 */

/** @type {{ options: InferOptions }} */
const { options } = workerData;
const { model, input, type, shape, dataFile, compiled = false } = options;

const session = await ort.InferenceSession.create(model, {
  executionProviders: ['cpu'],
  graphOptimizationLevel: compiled ? 'disabled' : 'all',
  intraOpNumThreads: 1,
  logSeverityLevel: 4,
});
const size = shape.reduce((product, dim) => product * dim, 1);
const feeds = { [input]: new ort.Tensor(type, await values(), shape) };
await loop(() => session.run(feeds));
await session.release();

async function values() {
  // A copy, whose buffer begins at an address that any element may have.
  const { buffer } = dataFile === null ? new Uint8Array(size * 4) : new Uint8Array(await readFile(dataFile));
  if (type === 'uint8') return new Uint8Array(buffer, 0, size);
  return type === 'int32' ? new Int32Array(buffer, 0, size) : new Float32Array(buffer, 0, size);
}
