import { parentPort, workerData } from 'node:worker_threads';

const IDLE = 0;
const END = 2;

/**
 * Repeats `run` while the main thread says so and counts it.
 * @param {(index: number) => Promise<unknown>} run
 */
export async function loop(run) {
  /** @type {{ state: Int32Array, latencies: Float64Array }} */
  const { state, latencies } = workerData;
  parentPort?.postMessage('ready');
  for (let index = 0; ; index++) {
    Atomics.wait(state, 0, IDLE);
    if (Atomics.load(state, 0) === END) return;
    const start = performance.now();
    await run(index);
    const runs = Atomics.add(state, 1, 1);
    if (runs < latencies.length) latencies[runs] = performance.now() - start;
  }
}
