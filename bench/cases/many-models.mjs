import { identityModel } from '../models/onnx.mjs';
import { residentMib } from '../system/proc.mjs';

const MODELS = 1000;
/** One takes many seconds. */
const ROUNDS_MAX = 5;
const TRITON_START_S = '1.1-3.5';
const TRITON_MIB = 0.14;

/** Starts from nothing, each time in a new process: how long until ready, and what a model costs. */
/** @type {import('../context.mjs').Case} */
export const manyModels = {
  name: 'many-models',
  title: 'Start with 1,000 tiny models',
  async run(context) {
    const file = identityModel([4]);
    const models = Array.from({ length: MODELS }, (_, index) => ({
      name: `tiny_${index}`,
      config: CONFIG,
      file,
    }));
    const all = await context.repository(models);
    const one = await context.repository(models.slice(0, 1));
    /** @type {Record<'alone' | 'thousand', { seconds: number, mib: number }>[]} */
    const rounds = [];
    for (let round = 0; round < Math.min(ROUNDS_MAX, context.pace.rounds); round++) {
      const alone = await startOnce(context, one);
      const thousand = await startOnce(context, all);
      rounds.push({ alone, thousand });
    }
    /** @type {(what: string, unit: string, pick: (round: (typeof rounds)[number]) => number) => any} */
    const told = (what, unit, pick) => ({ what, unit, limit: null, values: rounds.map(pick) });
    return {
      slices: new Map(),
      bounds: [
        told('start with 1 model', 's', ({ alone }) => alone.seconds),
        told(
          `start with ${MODELS} models (a real Triton, recorded: ${TRITON_START_S} s)`,
          's',
          ({ thousand }) => thousand.seconds,
        ),
        told('resident memory with 1 model', 'MiB', ({ alone }) => alone.mib),
        told(`resident memory with ${MODELS} models`, 'MiB', ({ thousand }) => thousand.mib),
        told(
          `resident memory of one more model (a real Triton, recorded: ${TRITON_MIB} MiB)`,
          'MiB',
          ({ alone, thousand }) => (thousand.mib - alone.mib) / (MODELS - 1),
        ),
      ],
    };
  },
};

const CONFIG = `backend: "onnxruntime"
max_batch_size: 8
input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ 4 ] } ]
`;

/** @param {import('../context.mjs').Context} context @param {string} repository */
async function startOnce(context, repository) {
  const server = await context.server({ repository });
  const mib = residentMib(server.pid);
  await server.stop();
  return { seconds: server.readyMs / 1000, mib };
}
