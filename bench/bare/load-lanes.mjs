import { dirname } from 'node:path';

// Loads models into lanes of the server, each into a thread that has loaded nothing yet, and prints how long
// each took from the message to the ready session: node load-lanes.mjs LANE-MODULE ROUNDS FILE... Files are as
// the server makes them of a model, or as they are where they end in `:plain`.

const [module = '', rounds, ...files] = process.argv.slice(2);
/** @type {typeof import('../../src/worker/lane.js')} */
const { Lane } = await import(module);

/** @type {import('../../src/telemetry/log.js').Log} */
const log = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error };

/** @type {Record<string, number[]>} */
const takenMs = Object.fromEntries(files.map((file) => [file, []]));
for (let round = 0; round < Number(rounds); round++) {
  for (const file of files) {
    const lane = new Lane({ id: round, log, onLost() {}, onSlowed() {} });
    // Starts the thread.
    await lane.load(1, 'identity', optionsOf(''));
    const startMs = performance.now();
    await lane.load(2, 'onnxruntime', optionsOf(file));
    takenMs[file]?.push(performance.now() - startMs);
    await lane.unload(2);
    await lane.unload(1);
    await lane.close();
  }
}
console.log(JSON.stringify(takenMs));

/** @param {string} file @returns {import('../../src/backend/backend.js').InstanceOptions} */
function optionsOf(file) {
  const modelFile = file.replace(/:plain$/, '');
  return {
    modelName: 'net',
    version: 1,
    directory: dirname(modelFile),
    modelFile,
    compiled: modelFile === file,
    device: { kind: 'cpu' },
    parameters: {},
    graphLevel: 0,
    intraOpThreads: 1,
    outputs: [{ name: 'output', datatype: 'FP32' }],
  };
}
