import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { measureInTurn, served } from '../measure.mjs';
import { bytesElement, encodeInferRequest } from '../models/infer-request.mjs';
import { ask, expect } from '../system/check-answer.mjs';
import { mobilenetConfig, mobilenetFiles, NO_MOBILENET, PIXELS, readPixels } from './mobilenet.mjs';

/** Photos as a web page shows them: 1280 pixels wide, 138 and 186 kB. */
const PHOTOS = ['group-1.jpg', 'group-2.jpg'];
const OUTSTANDING = 16;
const CONNECTIONS = 2;
const DECODE = 'decoding alone';
const INFER = 'inference alone';

/**
 * Half of the cores for decoding, half for the model: both stages run at the same time, and the slower one
 * is what the whole can reach.
 */
/** @type {import('../context.mjs').Case} */
export const pictures = {
  name: 'pictures',
  title: 'JPEG in, label out (MobileNetV2, photos of 1280 pixels)',
  async run(context) {
    const files = mobilenetFiles(context.shared);
    if (files === null) return NO_MOBILENET;

    const threads = Math.max(1, availableParallelism() >> 1);
    const photos = PHOTOS.map((name) => join(context.root, 'examples/images', name));
    const messages = await Promise.all(photos.map(async (photo) => requestOf(await readFile(photo))));
    const repository = await context.repository([
      {
        name: 'mobilenet',
        config: mobilenetConfig({ instances: threads, maxBatchSize: 8 }),
        file: files.model,
        labels: files.labels,
      },
    ]);
    const client = context.client();
    const subjects = [];
    for (const build of context.builds) {
      const server = await context.server({ repository, flags: [`--decode-threads=${threads}`] }, build);
      for (const message of messages) await checkLabel(server.grpcPort, message);
      subjects.push(served({ server, client, connections: CONNECTIONS, outstanding: OUTSTANDING, messages }));
    }
    const dataFile = join(await context.folder(), 'pixels');
    await writeFile(dataFile, await readPixels(photos[0] ?? ''));
    const [height, width] = PIXELS;
    const decode = await context.bare({
      name: DECODE,
      work: 'decode',
      threads,
      rows: 1,
      options: { files: photos, height, width },
    });
    const infer = await context.bare({
      name: INFER,
      work: 'infer',
      threads,
      rows: 1,
      options: { model: files.model, input: 'image', type: 'uint8', shape: [1, ...PIXELS], dataFile },
    });
    const slices = await measureInTurn([...subjects, decode, infer], context.pace);
    const rates = (/** @type {string} */ name) => (slices.get(name) ?? []).map(({ perSecond }) => perSecond);
    const decoding = rates(DECODE);
    const inferring = rates(INFER);
    return {
      slices,
      bounds: context.builds.map(({ name }, index) => ({
        what: `pictures per second, served / the slower of both alone${index === 0 ? '' : `: ${name}`}`,
        unit: '',
        limit: { kind: 'atLeast', value: 0.9 },
        values: rates(name).map(
          (rate, round) => rate / Math.min(decoding[round] ?? Number.NaN, inferring[round] ?? Number.NaN),
        ),
      })),
    };
  },
};

/** @param {Buffer} photo */
function requestOf(photo) {
  return encodeInferRequest({
    model: 'mobilenet',
    inputs: [{ name: 'image', datatype: 'BYTES', shape: [1, 1], data: bytesElement(photo) }],
    classification: { name: 'probabilities', classes: 1 },
  });
}

/** @param {number} port @param {Buffer} message */
async function checkLabel(port, message) {
  const { raw_output_contents } = await ask(port, message);
  const label = raw_output_contents[0]?.subarray(4).toString() ?? '';
  expect(/^[0-9.]+:\d+:.+$/.test(label), `label '${label}'`);
}
