import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import type * as Ort from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import { withOpset } from '#naiad/onnx/opset.js';
import { readModel } from '#naiad/onnx/read-model.js';
import { writeModel } from '#naiad/onnx/write-model.js';
import { Random } from '../support/mutator.js';

const ort: typeof Ort = createRequire(import.meta.url)('onnxruntime-node');

const REPOSITORY = resolve(import.meta.dirname, '../../model-repository');
const MODELS = readdirSync(REPOSITORY, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.onnx'))
  .map((path) => join(REPOSITORY, path));

const folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Random numbers for every input, one row where the number of rows is open. */
function feedsFor(session: Ort.InferenceSession): Record<string, Ort.Tensor> {
  const random = new Random(1);
  const feeds: Record<string, Ort.Tensor> = {};
  for (const info of session.inputMetadata) {
    if (!info.isTensor) throw new Error(`${info.name} is no tensor`);
    const dims = info.shape.map((dim) => (typeof dim === 'number' ? dim : 1));
    const count = dims.reduce((product, dim) => product * dim, 1);
    const numbers = Array.from({ length: count }, () => random.below(256));
    if (info.type === 'uint8') feeds[info.name] = new ort.Tensor('uint8', Uint8Array.from(numbers), dims);
    else if (info.type === 'int32')
      feeds[info.name] = new ort.Tensor('int32', Int32Array.from(numbers), dims);
    else
      feeds[info.name] = new ort.Tensor(
        'float32',
        Float32Array.from(numbers, (value) => value / 255),
        dims,
      );
  }
  return feeds;
}

/** A hash of the bytes of each output. */
async function answers(model: string | Uint8Array): Promise<Record<string, string>> {
  const options = { intraOpNumThreads: 1, logSeverityLevel: 4 } as const;
  const session =
    typeof model === 'string'
      ? await ort.InferenceSession.create(model, options)
      : await ort.InferenceSession.create(model, options);
  const results = await session.run(feedsFor(session));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => {
      if (!ArrayBuffer.isView(data)) throw new Error(`${name} has no numbers`);
      return [name, createHash('sha256').update(data).digest('hex')];
    }),
  );
}

it.each(MODELS.map((path) => [relative(REPOSITORY, path), path] as const))(
  '%s answers as before, bit for bit, when it is read and written',
  async (name, path) => {
    const model = readModel(path);
    const bytes = encodeModel(model);
    expect(bytes.length).toBe(readFileSync(path).length);
    const expected = await answers(path);
    expect(await answers(bytes)).toEqual(expected);

    const raised = withOpset(model, '', 21);
    expect(raised.irVersion).toBe(10);
    const file = name.replaceAll('/', '_');
    const written = writeModel(raised, folder, { file, externalFile: `${file}.bin` });
    expect(await answers(written.path)).toEqual(expected);
    expect(encodeModel(readModel(written.path)).equals(encodeModel(raised))).toBe(true);
  },
);

it('has models to try', () => {
  expect(MODELS.length).toBeGreaterThan(5);
});
