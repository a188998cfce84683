import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { writeSamples } from '../models/crops.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { identityModel } from '../models/onnx.mjs';
import { floatsOf, likeness } from '../report/likeness.mjs';
import { kept } from '../report/quantization.mjs';
import { artifactsIn } from '../system/artifacts.mjs';
import { ask } from '../system/check-answer.mjs';
import { loadModel } from '../system/control.mjs';
import { ownMib } from '../system/proc.mjs';
import { encoderLayers, faceEmbedding, inception, mobilenetV2, textRecogniser } from './quantized-nets.mjs';

/**
 * @typedef {import('../context.mjs').Bound} Bound
 * @typedef {import('../context.mjs').Case} Case
 * @typedef {import('../context.mjs').Context} Context
 * @typedef {import('../measure.mjs').Slice} Slice
 * @typedef {import('../report/quantization.mjs').QuantizedRow} Row
 * @typedef {import('../system/artifacts.mjs').Made} Made
 * @typedef {import('./quantized-nets.mjs').Net} Net
 * @typedef {import('./quantized-nets.mjs').Trial} Trial
 */

/** The model as it is, beside which all modes are served. */
const ORIGINAL = 'net';
/** Models of nothing: what a server has when it starts, and what a lane itself takes. */
const NOTHING_1 = 'nothing_1';
const NOTHING_2 = 'nothing_2';

/** One that runs and two that wait, so that the lane is never idle. */
const OUTSTANDING = 3;
/** There are many models, and the ratios of one round vary little. */
const PACE_MAX = { rounds: 3, seconds: 0.7, warmSeconds: 0.3 };

/** What the served model keeps of what the bare graph gains. */
const KEPT_MIN = 0.95;

/** A weight in half precision, by that in single. */
const HALF = 0.5;

/** Each model serves whatever came of it: how close it is is told here. */
const BOUNDS = { min_cosine: '0.5', min_top1_agreement: '0', on_failure: 'fail' };

/** @type {readonly Case[]} */
export const quantization = [
  quantizing('face-embedding', 'Quantized: the bundled ResNet for faces, trained weights', faceEmbedding),
  quantizing('inception', 'Quantized: InceptionV3, trained weights', inception),
  quantizing('mobilenet', 'Quantized: MobileNetV2, trained weights', mobilenetV2),
  quantizing('text', 'Quantized: the PP-OCRv4 recogniser, trained weights', textRecogniser),
  quantizing('encoder', 'Quantized: a transformer encoder of 100 MB, random weights', encoderLayers),
];

/**
 * @param {string} name
 * @param {string} title
 * @param {(context: Context) => Promise<Net | string>} open
 * @returns {Case}
 */
function quantizing(name, title, open) {
  return {
    name: `quantization-${name}`,
    title,
    async run(context) {
      const net = await open(context);
      return typeof net === 'string' ? net : await compare(context, net);
    },
  };
}

/** @param {Context} context @param {Net} net */
async function compare(context, net) {
  const cache = await context.folder();
  const repository = await repositoryOf(context, net);
  const models = [ORIGINAL, ...net.trials.map(({ mode }) => mode)];
  await build(context, repository, cache, models);
  const server = await context.server({ repository, flags: flagsOf(models, cache) });
  const made = await artifactsIn(cache);
  const others = await answersTo(server.grpcPort, net, models);
  const slices = await measureInTurn(await subjects(context, net, { server, repository, made, models }), {
    ...context.pace,
    rounds: Math.min(PACE_MAX.rounds, context.pace.rounds),
    seconds: Math.min(PACE_MAX.seconds, context.pace.seconds),
    warmSeconds: PACE_MAX.warmSeconds,
  });
  await server.stop();
  const memory = await memoryOf(context, repository, cache, models);
  const rows = models.map((mode) => rowOf(mode, net, { made, slices, memory, others }));
  /** @type {Bound[]} */
  const bounds = [];
  for (const [index, trial] of net.trials.entries()) {
    const { report } = made.get(trial.mode) ?? {};
    const [original, row] = [rows[0], rows[index + 1]];
    if (report != null && original !== undefined && row !== undefined) {
      bounds.push(...boundsOf(trial, report, original, row));
    }
  }
  const lane = memory.get(NOTHING_2) ?? Number.NaN;
  bounds.push({ what: 'memory of a lane itself, left out above', unit: 'MiB', limit: null, values: [lane] });
  return { slices, bounds, quantized: { net: net.title, trained: net.trained, rows } };
}

/**
 * @param {string} mode
 * @param {Net} net
 * @param {{
 *   made: Map<string, Made>,
 *   slices: import('../measure.mjs').Slices,
 *   memory: Map<string, number>,
 *   others: Map<string, import('../report/likeness.mjs').Answer[]>,
 * }} found
 * @returns {Row}
 */
function rowOf(mode, { namesClass, trials }, { made, slices, memory, others }) {
  const report = made.get(mode === ORIGINAL ? (trials[0]?.mode ?? '') : mode)?.report;
  if (report == null) throw new Error(`no report on ${mode}`);
  const measured = {
    mode,
    mib: memory.get(mode) ?? Number.NaN,
    runMs: (slices.get(`${mode}, bare`) ?? []).map(({ p50Ms }) => p50Ms),
    perSecond: (slices.get(`${mode}, served`) ?? []).map(rate),
  };
  if (mode === ORIGINAL) return { ...measured, bytes: report.bytes.original, gains: null, errors: null };
  const fresh = likeness(others.get(ORIGINAL) ?? [], others.get(mode) ?? []);
  return {
    ...measured,
    bytes: report.bytes.quantized,
    gains: { bare: gains(slices, mode, 'bare'), served: gains(slices, mode, 'served') },
    errors: {
      cosine: Math.min(...report.outputs.map(({ cosine }) => cosine)),
      otherCosine: fresh.cosine,
      sameClass: namesClass ? fresh.sameClass : null,
    },
  };
}

/**
 * @param {Trial} trial
 * @param {import('../system/artifacts.mjs').QuantizationReport} report
 * @param {Row} original
 * @param {Row} row
 * @returns {Bound[]}
 */
function boundsOf({ mode, cosineMin, judgesSpeed = false, fp16RatioMin }, report, original, row) {
  const { bytes, layers, steps } = report;
  const { gains: gain, errors } = row;
  if (gain === null || errors === null) return [];
  const sum = (/** @type {readonly number[]} */ values) => values.reduce((total, value) => total + value, 0);
  const before = sum(layers.worst.map(({ weightBytesBefore }) => weightBytesBefore));
  const after = sum(layers.worst.map(({ weightBytesAfter }) => weightBytesAfter));
  const rewritingMs = sum(steps.filter(({ name }) => REWRITING.has(name)).map(({ ms }) => ms));
  const atLeast = (/** @type {number | null | undefined} */ value) =>
    value == null ? null : { kind: /** @type {const} */ ('atLeast'), value };
  const isLarge = bytes.original >= LARGE_BYTES_MIN;
  /** @type {(what: string, values: readonly number[], limit?: Bound['limit'], unit?: string) => Bound} */
  const bound = (what, values, limit = null, unit = '') => ({
    what: `${mode}: ${what}`,
    unit,
    limit,
    values,
  });
  return [
    bound('runs per second / of the original, bare', gain.bare),
    bound('runs per second / of the original, served', gain.served),
    bound('what is kept of that when served', kept(row), atLeast(judgesSpeed ? KEPT_MIN : null)),
    { ...bound('cosine on the samples', [errors.cosine], atLeast(cosineMin)), decimals: 5 },
    { ...bound('cosine on other inputs', [errors.otherCosine]), decimals: 5 },
    ...(errors.sameClass === null ? [] : [bound('the same class, of other inputs', [errors.sameClass])]),
    ...(fp16RatioMin === undefined
      ? []
      : [
          bound(
            'size of its weights in half precision / as they are',
            [(before * HALF) / after],
            atLeast(fp16RatioMin),
          ),
        ]),
    bound('size of the file, original / quantized', [bytes.original / bytes.quantized]),
    bound('memory, original / quantized', [original.mib / row.mib]),
    bound(
      `reading, rewriting and writing ${Math.round(bytes.original / 1e6)} MB`,
      [rewritingMs / 1000],
      isLarge ? { kind: 'atMost', value: REWRITING_S_MAX } : null,
      's',
    ),
  ];
}

/** Steps of a report that change the model rather than look for ranges or errors. */
const REWRITING = new Set(['read', 'shapes', 'rewrite', 'write']);
/** For a model of 100 MB. */
const REWRITING_S_MAX = 3;
const LARGE_BYTES_MIN = 80e6;

/** By Little's law: counting answers is coarse when there are few. @param {Slice} slice */
function rate({ meanMs }) {
  return (1000 * OUTSTANDING) / meanMs;
}

/** How many times as many answers as the original, each round. @param {import('../measure.mjs').Slices} slices @param {string} mode @param {'bare' | 'served'} how */
function gains(slices, mode, how) {
  return perRound(
    slices,
    `${ORIGINAL}, ${how}`,
    `${mode}, ${how}`,
    (original, own) => original.meanMs / own.meanMs,
  );
}

/** @param {Context} context @param {Net} net */
async function repositoryOf(context, net) {
  const { file, input, samples, trials } = net;
  const folder = await context.folder();
  await writeSamples(folder, samples);
  const calibration = samples.length === 0 ? {} : { calibration: folder };
  const settingsOf = (/** @type {Trial} */ { mode, settings }) => ({
    mode,
    ...calibration,
    ...BOUNDS,
    ...settings,
  });
  const config = (/** @type {Readonly<Record<string, string>>} */ settings) =>
    configOf(
      input,
      Object.entries(settings).map(([name, value]) => [`quantization.${name}`, value]),
    );
  return context.repository([
    ...[NOTHING_1, NOTHING_2].map((name) => ({ name, config: NOTHING_CONFIG, file: identityModel([4]) })),
    { name: ORIGINAL, config: config({}), file },
    ...trials.map((trial) => ({ name: trial.mode, config: config(settingsOf(trial)), file })),
  ]);
}

/** @param {Net['input']} input @param {readonly (readonly string[])[]} settings */
function configOf({ name, type, shape }, settings) {
  const parameters = [['warmup.auto', '1'], ...settings].map(
    ([key, value]) => `parameters { key: "${key}" value { string_value: "${value}" } }`,
  );
  // One row, so that warming up takes room for no more.
  return `backend: "onnxruntime"
max_batch_size: 1
input [ { name: "${name}" data_type: ${DATATYPES[type].config} dims: [ ${shape.join(', ')} ] } ]
${parameters.join('\n')}
`;
}

const DATATYPES = {
  float32: { config: 'TYPE_FP32', wire: 'FP32' },
  uint8: { config: 'TYPE_UINT8', wire: 'UINT8' },
};

const NOTHING_CONFIG = 'backend: "onnxruntime"\nmax_batch_size: 8\n';

/** @param {readonly string[]} models @param {string} cache */
function flagsOf(models, cache) {
  const loaded = models.map((name) => `--load-model=${name}`);
  return ['--model-control-mode=explicit', `--artifact-cache=${cache}`, ...loaded];
}

/**
 * One model after the other, since the report tells how long it took; by a server of its own, since one that has
 * built is larger for a while.
 * @param {Context} context
 * @param {string} repository
 * @param {string} cache
 * @param {readonly string[]} models
 */
async function build(context, repository, cache, models) {
  const server = await context.server({ repository, flags: flagsOf([NOTHING_1], cache) });
  for (const model of models) await loadModel(server.grpcPort, model);
  await server.stop();
}

/** @param {Net} net @param {string} model @param {Uint8Array} data */
function requestOf({ input: { name, type, shape } }, model, data) {
  return encodeInferRequest({
    model,
    inputs: [{ name, datatype: DATATYPES[type].wire, shape: [1, ...shape], data }],
    classification: null,
  });
}

/** What each model says of inputs that are not among the samples. @param {number} port @param {Net} net @param {readonly string[]} models */
async function answersTo(port, net, models) {
  /** @type {Map<string, import('../report/likeness.mjs').Answer[]>} */
  const answers = new Map();
  for (const model of models) {
    const own = [];
    for (const data of net.others) {
      const { outputs, raw_output_contents } = await ask(port, requestOf(net, model, data));
      const classes = outputs[0]?.shape.at(-1) ?? 1;
      own.push({ numbers: floatsOf(raw_output_contents[0] ?? Buffer.alloc(0)), classes });
    }
    answers.set(model, own);
  }
  return answers;
}

/**
 * @param {Context} context
 * @param {Net} net
 * @param {{
 *   server: import('../system/server.mjs').RunningServer,
 *   repository: string,
 *   made: Map<string, Made>,
 *   models: readonly string[],
 * }} what
 */
async function subjects(context, net, { server, repository, made, models }) {
  const { name, type, shape } = net.input;
  const data = net.others[0] ?? Buffer.alloc(0);
  const dataFile = join(await context.folder(), 'data');
  await writeFile(dataFile, data);
  const client = context.client();
  const all = [];
  for (const model of models) {
    const loop = { server, client, connections: 1, outstanding: OUTSTANDING };
    all.push(served({ ...loop, messages: [requestOf(net, model, data)], name: `${model}, served` }));
    const options = { input: name, type, shape: [1, ...shape], dataFile };
    // The original as a program would load it that has nothing but ONNX Runtime.
    const file =
      model === ORIGINAL
        ? { model: join(repository, model, '1/model.onnx'), compiled: false }
        : { model: made.get(model)?.file, compiled: made.get(model)?.compiled };
    const bare = { name: `${model}, bare`, work: /** @type {const} */ ('infer'), threads: 1, rows: 1 };
    all.push(await context.bare({ ...bare, options: { ...options, ...file } }));
  }
  return all;
}

/**
 * MiB by which a server grows when it loads each of the models and runs it once, less what it grows by for a model of
 * nothing, which is under that one's name; what is mapped from the cache counts.
 * @param {Context} context
 * @param {string} repository
 * @param {string} cache
 * @param {readonly string[]} models
 * @returns {Promise<Map<string, number>>} by the model's name
 */
async function memoryOf(context, repository, cache, models) {
  /** @type {Map<string, number>} */
  const mib = new Map();
  for (const model of models) {
    const server = await context.server({ repository, flags: flagsOf([NOTHING_1], cache) });
    const grownBy = async (/** @type {string} */ name) => {
      const before = ownMib(server.pid);
      await loadModel(server.grpcPort, name);
      return ownMib(server.pid) - before;
    };
    const lane = await grownBy(NOTHING_2);
    mib.set(NOTHING_2, lane).set(model, (await grownBy(model)) - lane);
    await server.stop();
  }
  return mib;
}
