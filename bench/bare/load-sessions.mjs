import * as ort from 'onnxruntime-node';

// Loads models one after the other, again and again, and prints how long each took: node load-sessions.mjs
// ROUNDS FILE... Files are as the server makes them of a model, or as they are where they end in `:plain`.

const [rounds, ...files] = process.argv.slice(2);
/** @type {Record<string, number[]>} */
const takenMs = Object.fromEntries(files.map((file) => [file, []]));
for (let round = 0; round < Number(rounds); round++) {
  for (const file of files) {
    const plain = file.endsWith(':plain');
    const startMs = performance.now();
    const session = await ort.InferenceSession.create(file.replace(/:plain$/, ''), {
      executionProviders: ['cpu'],
      graphOptimizationLevel: plain ? 'all' : 'disabled',
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    takenMs[file]?.push(performance.now() - startMs);
    await session.release();
  }
}
console.log(JSON.stringify(takenMs));
