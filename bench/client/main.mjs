import { answerParent } from '../system/child.mjs';
import { summarize } from '../system/statistics.mjs';
import { GrpcConnection } from './grpc-connection.mjs';

/** Entry of the process that makes requests, apart from the server's so that each one's time is its own. */

const MODEL_INFER = '/inference.GRPCInferenceService/ModelInfer';
const LATENCIES_MAX = 2_000_000;

const latencies = new Float64Array(LATENCIES_MAX);
let answers = 0;

/** @type {GrpcConnection[]} */
let connections = [];

answerParent(
  {
    /**
     * Opens connections and starts the closed loops.
     * @param {{ port: number, connections: number, outstanding: number, messages: string[] }} message
     *   `messages` in base64; outstanding calls take them in turn
     */
    async start({ port, connections: count, outstanding, messages }) {
      const bytes = messages.map((text) => Buffer.from(text, 'base64'));
      const open = { port, path: MODEL_INFER, onAnswer };
      connections = await Promise.all(Array.from({ length: count }, () => GrpcConnection.open(open)));
      for (const [index, connection] of connections.entries()) {
        const own = [];
        for (let call = index; call < outstanding; call += count) {
          own.push(bytes[call % bytes.length] ?? Buffer.alloc(0));
        }
        connection.start(own);
      }
    },
    /** Forgets what was measured so far. */
    reset() {
      answers = 0;
    },
    /** @returns answers since `reset` and their latencies in milliseconds */
    read: () => ({ answers, ...summarize(latencies, Math.min(answers, LATENCIES_MAX)) }),
    async stop() {
      await Promise.all(connections.map((connection) => connection.stop()));
      await Promise.all(connections.map((connection) => connection.close()));
      connections = [];
    },
  },
  () => process.exit(),
);

/** @param {number} latencyMs */
function onAnswer(latencyMs) {
  if (answers < LATENCIES_MAX) latencies[answers] = latencyMs;
  answers++;
}
