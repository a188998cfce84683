import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '#naiad/onnx/read-model.js';
import { fp32sOf, pictureRequest } from '../support/messages.js';
import { cosine } from '../support/ort-runs.js';
import { TestRepository } from '../support/repository.js';
import { BUNDLED_MODELS, startTestServer, type TestServer, testLifecycle } from '../support/server.js';

const picture = (name: string): Buffer =>
  readFileSync(resolve(import.meta.dirname, '../../examples/images', name));

/** Versions of the repository's models: in 8 bits, and as they were published. */
const MODELS = [
  { model: 'face_embedding', int8: '1', original: '2' },
  { model: 'face_emotion', int8: '2', original: '3' },
  { model: 'object_detection', int8: '1', original: '2' },
];

/** Each net is loaded once: what is looked at are its answers. */
const ONE_LANE = { cores: 1, cpuLanes: 1, cpuLanesMax: 4 };

type Outputs = ReadonlyMap<string, Float32Array>;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    lanes: ONE_LANE,
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

describe('a bundled net whose configuration asks for 8 bits', () => {
  it('is calibrated with photos and served', async () => {
    const folder = join(BUNDLED_MODELS, 'face_emotion');
    const config = readFileSync(join(folder, 'config.pbtxt'), 'utf8').replace('"face_emotion"', '"smiles"');
    const repository = new TestRepository({
      'smiles/config.pbtxt': `${config}
        parameters { key: "quantization.mode" value { string_value: "int8" } }
        parameters { key: "quantization.calibration" value { string_value: "calibration" } }`,
      'smiles/labels.txt': readFileSync(join(folder, 'labels.txt')),
      'smiles/calibration/face.jpg': picture('face.jpg'),
      'smiles/1/model.onnx': readFileSync(join(folder, '3/model.onnx')),
    });
    const artifactCache = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
    const other = await startTestServer({
      modelRepositories: [repository.directory],
      lanes: ONE_LANE,
      lifecycle: testLifecycle({ artifactCache }),
    });
    try {
      const { config: inForce } = (await other.client.call('ModelConfig', { name: 'smiles' })) as {
        config: { parameters: Record<string, { string_value: string }> };
      };
      const told = (key: string) => inForce.parameters[`quantization.report.${key}`]?.string_value;
      expect([told('outcome'), told('mode'), told('samples')]).toEqual(['quantized', 'int8', '1']);
      const response = await other.client.infer(pictureRequest('smiles', 'image', [picture('face.jpg')]));
      expect(indexOfLargest(fp32sOf(response, 0))).toBe(1);
    } finally {
      await other.stop();
      repository.remove();
      rmSync(artifactCache, { recursive: true, force: true });
    }
  });
});
