import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { resnet50 } from '../models/networks.mjs';
import { loadSteps } from '../system/control.mjs';
import { ownMib, residentMib } from '../system/proc.mjs';

const MODEL = 'net';
const LANES = 4;
const PLAIN = 'loaded as it is';
const COMPILED = 'compiled';

const LOADS = 5;

/** One takes half a minute. */
const ROUNDS_MAX = 2;

/** Lanes that have nothing to do have collected by then what their start has left. */
const QUIET_MS = 4000;

/**
 * A network of 102 MB loaded as it is and compiled for the machine, in one lane and in four. Every start but the
 * first finds what was compiled.
 */
/** @type {import('../context.mjs').Case} */
export const artifacts = {
  name: 'artifacts',
  title: 'A convolution net of 102 MB, compiled for the machine',
  async run(context) {
    const file = resnet50();
    const repository = (/** @type {number} */ lanes) =>
      context.repository([{ name: MODEL, config: config(lanes), file }]);
    const [one, four] = [await repository(1), await repository(LANES)];
    const cache = await context.folder();
    const [noCache, kept] = [['--artifact-cache=none'], [`--artifact-cache=${cache}`]];
    const first = await startOnce(context, four, kept);
    /** @type {Record<'plainOne' | 'plainFour' | 'one' | 'four', Start>[]} */
    const rounds = [];
    for (let round = 0; round < Math.min(ROUNDS_MAX, context.pace.rounds); round++) {
      rounds.push({
        plainOne: await startOnce(context, one, noCache),
        plainFour: await startOnce(context, four, noCache),
        one: await startOnce(context, one, kept),
        four: await startOnce(context, four, kept),
      });
    }
    const plain = join(one, MODEL, '1/model.onnx');
    const loads = await laneLoads(context.build, plain, await compiledIn(cache));
    const slices = await measureInTurn(
      [await subject(context, PLAIN, one, noCache), await subject(context, COMPILED, one, kept)],
      context.pace,
    );
    /** @type {(what: string, unit: string, values: readonly number[], atMost?: number) => import('../context.mjs').Bound} */
    const bound = (what, unit, values, atMost) => ({
      what,
      unit,
      limit: atMost === undefined ? null : { kind: 'atMost', value: atMost },
      values,
    });
    /** @param {(round: (typeof rounds)[number]) => number} pick */
    const each = (pick) => rounds.map(pick);
    return {
      slices,
      bounds: [
        bound(
          'memory with four lanes / with one, compiled',
          '',
          each((it) => it.four.mib / it.one.mib),
          1.2,
        ),
        bound(
          'the same, loaded as it is',
          '',
          each((it) => it.plainFour.mib / it.plainOne.mib),
        ),
        bound('load of a lane from the message to the ready session, compiled', 'ms', loads.compiled, 50),
        bound('the same, loaded as it is', 'ms', loads.plain),
        bound(
          'median compiled / as it is',
          '',
          perRound(slices, COMPILED, PLAIN, (a, b) => a.p50Ms / b.p50Ms),
          1.03,
        ),
        .../** @type {const} */ ([
          ['one lane, as it is', 'plainOne'],
          ['four lanes, as it is', 'plainFour'],
          ['one lane, compiled', 'one'],
          ['four lanes, compiled', 'four'],
        ]).map(([what, start]) =>
          bound(
            `memory with ${what}`,
            'MiB',
            each((it) => it[start].mib),
          ),
        ),
        bound(
          'resident memory with four lanes, compiled, where each counts what all of them map',
          'MiB',
          each((it) => it.four.residentMib),
        ),
        bound(
          'load of a lane in a start with four, its thread included, compiled',
          'ms',
          each((it) => it.four.laneMs),
        ),
        bound(
          'the same, loaded as it is',
          'ms',
          each((it) => it.plainFour.laneMs),
        ),
        bound('start with four lanes, compiled for the first time', 's', [first.seconds]),
        bound(
          'start with four lanes, compiled',
          's',
          each((it) => it.four.seconds),
        ),
        bound(
          'start with four lanes, as it is',
          's',
          each((it) => it.plainFour.seconds),
        ),
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

/**
 * How long a model takes to be loaded into threads that have loaded nothing yet, in a process of its own.
 * @param {import('../context.mjs').Build} build
 * @param {string} plain
 * @param {string} compiled
 */
async function laneLoads({ main }, plain, compiled) {
  const script = fileURLToPath(new URL('../bare/load-lanes.mjs', import.meta.url));
  const module = pathToFileURL(join(dirname(main), 'worker/lane.js')).href;
  const words = [script, module, String(LOADS), `${plain}:plain`, compiled];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  /** @type {Record<string, number[]>} */
  const takenMs = JSON.parse(stdout);
  return { plain: takenMs[`${plain}:plain`] ?? [], compiled: takenMs[compiled] ?? [] };
}

/**
 * @typedef {object} Start
 * @property {number} seconds until it was ready
 * @property {number} mib of memory that it would take alone
 * @property {number} residentMib
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
  const steps = await loadSteps(server.grpcPort, MODEL);
  await pause(QUIET_MS);
  const [mib, residentNow] = [ownMib(server.pid), residentMib(server.pid)];
  await server.stop();
  const loadMs = (steps.get('session') ?? 0) + (steps.get('further instances') ?? 0);
  const lanes = steps.get('further instances') === undefined ? 1 : LANES;
  return { seconds: server.readyMs / 1000, mib, residentMib: residentNow, laneMs: loadMs / lanes };
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
