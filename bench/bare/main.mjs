import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { answerParent } from '../system/child.mjs';
import { summarize } from '../system/statistics.mjs';

/**
 * Entry of the process that does the bare work, without a server: `onnxruntime-node` or `sharp` in worker
 * threads, one run after the other in each.
 */

/** For the latencies of one thread's runs. */
const LATENCIES_MAX = 500_000;
const IDLE = 0;
const RUN = 1;
const END = 2;

/**
 * @typedef {object} Thread
 * @property {Worker} worker
 * @property {Int32Array} state `[IDLE | RUN | END, runs since reset]`
 * @property {Float64Array} latencies
 */

/** @type {Thread[]} */
let threads = [];

answerParent(
  {
    /**
     * Starts threads that wait for `run`.
     * @param {{ work: 'infer' | 'decode', threads: number, options: unknown }} message
     */
    async load({ work, threads: count, options }) {
      const entry = fileURLToPath(new URL(`./${work}-thread.mjs`, import.meta.url));
      threads = await Promise.all(
        Array.from({ length: count }, async () => {
          const state = new Int32Array(new SharedArrayBuffer(8));
          const latencies = new Float64Array(
            new SharedArrayBuffer(LATENCIES_MAX * Float64Array.BYTES_PER_ELEMENT),
          );
          const worker = new Worker(entry, { workerData: { state, latencies, options } });
          await once(worker, 'message');
          return { worker, state, latencies };
        }),
      );
    },
    run: () => command(RUN),
    /** Forgets what was measured so far. */
    reset() {
      for (const { state } of threads) Atomics.store(state, 1, 0);
    },
    /** @returns runs of all threads since `reset` and the latencies of the first one's in milliseconds */
    read() {
      const answers = threads.reduce((total, { state }) => total + Atomics.load(state, 1), 0);
      const [first] = threads;
      if (first === undefined) throw new Error('nothing is loaded');
      return { answers, ...summarize(first.latencies, Math.min(first.state[1] ?? 0, LATENCIES_MAX)) };
    },
    pause: () => command(IDLE),
  },
  async () => {
    const exits = threads.map(({ worker }) => once(worker, 'exit'));
    command(END);
    await Promise.all(exits);
  },
);

/** @param {number} value */
function command(value) {
  for (const { state } of threads) {
    Atomics.store(state, 0, value);
    Atomics.notify(state, 0);
  }
}
