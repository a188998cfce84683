import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { measureInTurn, perRound, served } from '../measure.mjs';
import { encodeInferRequest } from '../models/infer-request.mjs';
import { ask, expect } from '../system/check-answer.mjs';
import { CLASSES, mobilenetConfig, mobilenetFiles, NO_MOBILENET, PIXELS, readPixels } from './mobilenet.mjs';

/**
 * @typedef {import('../context.mjs').Context} Context
 * @typedef {import('../measure.mjs').Slice} Slice
 */

const OUTSTANDING = 32;
const CONNECTIONS = 2;
const MAX_BATCH_SIZE = 8;
const BARE = 'bare, one at a time';
const BARE_BATCHES = `bare, batches of ${MAX_BATCH_SIZE}`;

/** One lane: its thread has a core for itself, the front end and the clients have the others. */
/** @type {import('../context.mjs').Case} */
export const mobilenetOneLane = {
  name: 'mobilenet-one-lane',
  title: 'MobileNetV2, raw tensors, saturated, one lane',
  run: (context) =>
    compare(context, 1, {
      what: 'pictures per second, served / bare',
      limit: 0.95,
      ratio: (server, bare) => server.perSecond / bare.perSecond,
    }),
};

/** Lanes on all cores: front end and clients take their time from the model, so time is what's compared. */
/** @type {import('../context.mjs').Case} */
export const mobilenetAllCores = {
  name: 'mobilenet-all-cores',
  title: 'MobileNetV2, raw tensors, saturated, a lane on each core',
  run: (context) =>
    compare(context, availableParallelism(), {
      what: 'processor time of a bare run / of a served request (a real Triton, recorded: 0.94)',
      limit: 0.9,
      ratio: (server, bare) => bare.cpuMs / server.cpuMs,
    }),
};

/**
 * @param {Context} context
 * @param {number} lanes
 * @param {{ what: string, limit: number, ratio: (server: Slice, bare: Slice) => number }} judged
 */
async function compare(context, lanes, { what, limit, ratio }) {
  const files = mobilenetFiles(context.shared);
  if (files === null) return NO_MOBILENET;

  const pixels = await readPixels(join(context.root, 'examples/images/coffee.jpg'));
  const message = encodeInferRequest({
    model: 'mobilenet',
    inputs: [{ name: 'image', datatype: 'UINT8', shape: [1, ...PIXELS], data: pixels }],
    classification: null,
  });
  const repository = await context.repository([
    {
      name: 'mobilenet',
      config: mobilenetConfig({ instances: lanes, maxBatchSize: MAX_BATCH_SIZE }),
      file: files.model,
      labels: files.labels,
    },
  ]);
  const client = context.client();
  const servers = [];
  for (const build of context.builds) {
    const server = await context.server({ repository }, build);
    await checkProbabilities(server.grpcPort, message);
    servers.push(
      served({ server, client, connections: CONNECTIONS, outstanding: OUTSTANDING, messages: [message] }),
    );
  }
  const baredata = join(await context.folder(), 'pixels');
  await writeFile(baredata, Buffer.concat(Array.from({ length: MAX_BATCH_SIZE }, () => pixels)));
  const bareRun = (/** @type {string} */ name, /** @type {number} */ rows) =>
    context.bare({
      name,
      work: 'infer',
      threads: lanes,
      rows,
      options: {
        model: files.model,
        input: 'image',
        type: 'uint8',
        shape: [rows, ...PIXELS],
        dataFile: baredata,
      },
    });
  const subjects = [...servers, await bareRun(BARE, 1), await bareRun(BARE_BATCHES, MAX_BATCH_SIZE)];
  const slices = await measureInTurn(subjects, context.pace);
  return {
    slices,
    bounds: context.builds.flatMap(({ name }, index) => [
      {
        what: index === 0 ? what : `${what}: ${name}`,
        unit: '',
        limit: /** @type {const} */ ({ kind: 'atLeast', value: limit }),
        values: perRound(slices, name, BARE, ratio),
      },
      {
        what: `the same against bare batches of ${MAX_BATCH_SIZE}${index === 0 ? '' : `: ${name}`}`,
        unit: '',
        limit: null,
        values: perRound(slices, name, BARE_BATCHES, ratio),
      },
    ]),
  };
}

/** @param {number} port @param {Buffer} message */
async function checkProbabilities(port, message) {
  const { raw_output_contents } = await ask(port, message);
  const bytes = raw_output_contents[0] ?? Buffer.alloc(0);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) sum += bytes.readFloatLE(at);
  expect(
    bytes.length === CLASSES * 4 && Math.abs(sum - 1) < 1e-3,
    `${bytes.length} bytes with the sum ${sum}`,
  );
}
