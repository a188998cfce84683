import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { resnet50 } from '../models/networks.mjs';
import { loadSteps } from '../system/control.mjs';
import { proportionalMib } from '../system/proc.mjs';

const MODEL = 'net';
const LANES = 4;
const PLAIN = 'loaded as it is';
const COMPILED = 'compiled';

const SESSION_ROUNDS = 5;

/** One takes a quarter of a minute. */
const ROUNDS_MAX = 3;

/** A network of 102 MB loaded as it is and compiled for the machine, in one lane and in four. */
/** @type {import('../context.mjs').Case} */
export const artifacts = {
  name: 'artifacts',
  title: 'A convolution net of 102 MB, compiled for the machine',
  async run(context) {
    const file = resnet50();
    const repository = (/** @type {number} */ lanes) =>
      context.repository([{ name: MODEL, config: config(lanes), file }]);
    const [one, four] = [await repository(1), await repository(LANES)];
    const noCache = ['--artifact-cache=none'];
    /** @type {Record<'plainOne' | 'plainFour' | 'first' | 'one' | 'four', Start>[]} */
    const rounds = [];
    let cache = '';
    for (let round = 0; round < Math.min(ROUNDS_MAX, context.pace.rounds); round++) {
      cache = await context.folder();
      const kept = [`--artifact-cache=${cache}`];
      rounds.push({
        plainOne: await startOnce(context, one, noCache),
        plainFour: await startOnce(context, four, noCache),
        first: await startOnce(context, four, kept),
        one: await startOnce(context, one, kept),
        four: await startOnce(context, four, kept),
      });
    }
    const loads = await sessionLoads(join(one, MODEL, '1/model.onnx'), await compiledIn(cache));
    const slices = await measureInTurn(
      [
        await subject(context, PLAIN, one, noCache),
        await subject(context, COMPILED, one, [`--artifact-cache=${cache}`]),
      ],
      context.pace,
    );
    /** @type {(what: string, unit: string, pick: (round: (typeof rounds)[number]) => number, atMost?: number) => import('../context.mjs').Bound} */
    const bound = (what, unit, pick, atMost) => ({
      what,
      unit,
      limit: atMost === undefined ? null : { kind: 'atMost', value: atMost },
      values: rounds.map(pick),
    });
    return {
      slices,
      bounds: [
        bound(
          'memory with four lanes, compiled / with one lane that loads it as it is',
          '',
          ({ four: it, plainOne }) => it.mib / plainOne.mib,
          1.2,
        ),
        bound(
          'the same with four lanes that load it as it is',
          '',
          (it) => it.plainFour.mib / it.plainOne.mib,
        ),
        bound('memory with four lanes / with one, both compiled', '', (it) => it.four.mib / it.one.mib),
        bound('memory with one lane, as it is', 'MiB', ({ plainOne }) => plainOne.mib),
        bound('memory with four lanes, as it is', 'MiB', ({ plainFour }) => plainFour.mib),
        bound('memory with one lane, compiled', 'MiB', (it) => it.one.mib),
        bound('memory with four lanes, compiled', 'MiB', (it) => it.four.mib),
        {
          what: 'load of one session, compiled',
          unit: 'ms',
          limit: { kind: 'atMost', value: 50 },
          values: loads.compiled,
        },
        { what: 'load of one session, as it is', unit: 'ms', limit: null, values: loads.plain },
        bound('load of one lane with its thread, compiled', 'ms', (it) => it.four.laneMs),
        bound('load of one lane with its thread, as it is', 'ms', ({ plainFour }) => plainFour.laneMs),
        bound('start with four lanes, compiled for the first time', 's', ({ first }) => first.seconds),
        bound('start with four lanes, compiled', 's', (it) => it.four.seconds),
        bound('start with four lanes, as it is', 's', ({ plainFour }) => plainFour.seconds),
        {
          what: 'median compiled / as it is',
          unit: '',
          limit: { kind: 'atMost', value: 1.03 },
          values: perRound(slices, COMPILED, PLAIN, (a, b) => a.p50Ms / b.p50Ms),
        },
      ],
    };
  },
};

/** Path of the only model that was compiled into a cache. @param {string} cache */
async function compiledIn(cache) {
  const folder = join(cache, 'artifacts');
  const [name = ''] = await readdir(folder);
  /** @type {{ tree: string }} */
  const { tree } = JSON.parse(await readFile(join(folder, name), 'utf8'));
  return join(cache, 'trees', tree, 'files/model.onnx');
}

/** How long sessions take to be created in a process of their own. @param {string} plain @param {string} compiled */
async function sessionLoads(plain, compiled) {
  const script = fileURLToPath(new URL('../bare/load-sessions.mjs', import.meta.url));
  const words = [script, String(SESSION_ROUNDS), `${plain}:plain`, compiled];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  /** @type {Record<string, number[]>} */
  const takenMs = JSON.parse(stdout);
  return { plain: takenMs[`${plain}:plain`] ?? [], compiled: takenMs[compiled] ?? [] };
}

/**
 * @typedef {object} Start
 * @property {number} seconds until it was ready
 * @property {number} mib of memory, what processes share divided between them
 * @property {number} laneMs for which one lane was loaded, all divided by their number
 */

/** Every lane runs the model once before it is served, so that all that it touches is in memory. */
function config(/** @type {number} */ lanes) {
  return `backend: "onnxruntime"
max_batch_size: 1
instance_group [ { kind: KIND_CPU count: ${lanes} } ]
parameters { key: "warmup.auto" value { string_value: "1" } }
`;
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} repository
 * @param {readonly string[]} flags
 * @returns {Promise<Start>}
 */
async function startOnce(context, repository, flags) {
  const server = await context.server({ repository, flags });
  const mib = proportionalMib(server.pid);
  const steps = await loadSteps(server.grpcPort, MODEL);
  await server.stop();
  const loadMs = (steps.get('session') ?? 0) + (steps.get('further instances') ?? 0);
  const lanes = steps.get('further instances') === undefined ? 1 : LANES;
  return { seconds: server.readyMs / 1000, mib, laneMs: loadMs / lanes };
}

/**
 * @param {import('../context.mjs').Context} context
 * @param {string} name
 * @param {string} repository
 * @param {readonly string[]} flags
 */
async function subject(context, name, repository, flags) {
  const server = await context.server({ repository, flags });
  const pixels = new Float32Array(3 * 224 * 224);
  const message = encodeInferRequest({
    model: MODEL,
    inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3, 224, 224], data: Buffer.from(pixels.buffer) }],
    classification: null,
  });
  return served({
    name,
    server,
    client: context.client(),
    connections: 1,
    outstanding: 1,
    messages: [message],
  });
}
