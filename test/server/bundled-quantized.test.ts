import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '#naiad/onnx/read-model.js';
import { fp32sOf, pictureRequest } from '../support/messages.js';
import { cosine } from '../support/ort-runs.js';
import { BUNDLED_MODELS, startTestServer, type TestServer, testLifecycle } from '../support/server.js';

const picture = (name: string): Buffer =>
  readFileSync(resolve(import.meta.dirname, '../../examples/images', name));

/** Versions of the repository's models: in 8 bits, and as they were published. */
const MODELS = [
  { model: 'face_embedding', int8: '1', original: '2' },
  { model: 'face_emotion', int8: '2', original: '3' },
  { model: 'object_detection', int8: '1', original: '2' },
];

type Outputs = ReadonlyMap<string, Float32Array>;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    lifecycle: testLifecycle({ controlMode: 'explicit', loadModels: MODELS.map(({ model }) => model) }),
  });
});
afterAll(() => server.stop());

/** The outputs of a version for pictures by their names; '' = of the version that answers when none is asked for. */
async function ask(
  model: string,
  version: string,
  pictures: readonly Buffer[],
): Promise<{ readonly version: unknown; readonly outputs: Outputs }> {
  const response = await server.client.infer(
    pictureRequest(model, 'image', [...pictures], { model_version: version }),
  );
  const { outputs, model_version } = response as { outputs: { name: string }[]; model_version: string };
  return {
    version: model_version,
    outputs: new Map(outputs.map(({ name }, index) => [name, Float32Array.from(fp32sOf(response, index))])),
  };
}

/** What the published and the 8-bit version of a model answer to pictures. */
async function askBoth(model: string, pictures: readonly Buffer[]): Promise<readonly [Outputs, Outputs]> {
  const versions = MODELS.find((each) => each.model === model);
  const original = await ask(model, versions?.original ?? '', pictures);
  const quantized = await ask(model, versions?.int8 ?? '', pictures);
  return [original.outputs, quantized.outputs];
}

function cosineOf(output: string, [original, quantized]: readonly [Outputs, Outputs]): number {
  return cosine(original.get(output) ?? new Float32Array(), quantized.get(output) ?? new Float32Array());
}

/** The largest number of each column of rows with `columns` numbers. */
function peaks(values: Float32Array, columns: number): number[] {
  const found = Array.from({ length: columns }, () => Number.NEGATIVE_INFINITY);
  for (const [index, value] of values.entries()) {
    found[index % columns] = Math.max(found[index % columns] ?? value, value);
  }
  return found;
}

function indexOfLargest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((best, value, i, all) => (value > (all[best] ?? value) ? i : best), 0);
}

describe.each(MODELS)('$model', ({ model, int8, original }) => {
  it('answers as it was published when no version is asked for', async () => {
    const { version } = await ask(model, '', [picture('face.jpg')]);
    expect(version).toBe(original);
  });

  it('has weights of 8 bits in the version below', () => {
    const { graph } = readModel(join(BUNDLED_MODELS, model, int8, 'model.onnx'));
    const roundings = graph.nodes.filter(({ opType }) => opType === 'QuantizeLinear');
    expect(roundings.length).toBeGreaterThan(20);
    const layers = graph.nodes.filter(({ opType }) => opType === 'Conv');
    const made = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node.opType])));
    expect(layers.filter(({ inputs }) => made.get(inputs[1] ?? '') !== 'DequantizeLinear')).toEqual([]);
  });
});

describe('in 8 bits', () => {
  it('a face lies where it lay', async () => {
    const answers = await askBoth('face_embedding', [picture('face.jpg')]);
    expect(cosineOf('embedding', answers)).toBeGreaterThan(0.999);
    expect(cosineOf('embedding', answers)).toBeLessThan(1);
  });

  it('a smile is happy', async () => {
    const answers = await askBoth('face_emotion', [picture('face.jpg')]);
    expect(cosineOf('probabilities', answers)).toBeGreaterThan(0.999);
    for (const outputs of answers) {
      const probabilities = outputs.get('probabilities') ?? [];
      expect(indexOfLargest(probabilities)).toBe(1);
      expect(probabilities[1]).toBeGreaterThan(0.98);
    }
  });

  it('what is in a photo is found', async () => {
    const answers = await askBoth('object_detection', [picture('coffee.jpg')]);
    for (const output of ['scores', 'boxes']) {
      expect(cosineOf(output, answers)).toBeGreaterThan(0.99);
      expect(cosineOf(output, answers)).toBeLessThan(1);
    }
    const labels = readFileSync(join(BUNDLED_MODELS, 'object_detection/labels.txt'), 'utf8').split('\n');
    for (const outputs of answers) {
      const best = peaks(outputs.get('scores') ?? new Float32Array(), 80);
      expect(labels[indexOfLargest(best)]).toBe('cup');
      expect(Math.max(...best)).toBeGreaterThan(0.45);
    }
  });
});
