import { describe, expect, it } from 'vitest';
import { DataType } from '#naiad/onnx/data-type.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import { type CollectOptions, collect, type Sample } from '#naiad/quantize/calibration/collect.js';
import { shapeFacts, withOutputs } from '#naiad/quantize/calibration/shape-facts.js';
import { convolutionNet, NetBuilder } from '../../support/net-builder.js';
import { answersOf } from '../../support/ort-runs.js';

const NET = convolutionNet();
const VALUES = NET.graph.nodes.flatMap(({ outputs }) => outputs);
const SIZE = 3 * 32 * 32;

function aSample(seed: number, dims: readonly number[] = [1, 3, 32, 32]): Sample {
  const length = dims.reduce((a, b) => a * b, 1);
  return { x: { type: 'float32', dims, data: new NetBuilder(seed).normal(length) } };
}

async function* later(samples: readonly Sample[]): AsyncIterable<Sample> {
  yield* samples;
}

async function collected(
  samples: readonly Sample[],
  options: Partial<CollectOptions> = {},
): ReturnType<typeof collect> {
  const model = options.model ?? NET;
  return collect({
    model,
    facts: await shapeFacts(model),
    samples: later(samples),
    names: ['x', ...VALUES],
    method: 'min-max',
    percentile: 99.9,
    ...options,
  });
}

describe('collecting ranges', () => {
  const samples = [aSample(1), aSample(2), aSample(3, [2, 3, 32, 32])];

  it('gives the least and greatest value over all samples, with zero, and the mean of each channel', async () => {
    const ranges = await collected(samples);
    expect([...ranges.keys()].sort()).toEqual(['x', ...VALUES].sort());
    const model = withOutputs(NET, VALUES);
    const answers: Record<string, Float32Array[]> = {};
    for (const { x } of samples) {
      const data = x?.data as Float32Array;
      const answer = await answersOf(model, { x: { dims: x?.dims ?? [], data } });
      for (const [name, values] of Object.entries({ ...answer, x: data })) {
        answers[name] = [...(answers[name] ?? []), values];
      }
    }
    for (const [name, lists] of Object.entries(answers)) {
      const range = ranges.get(name);
      expect(range?.min).toBeCloseTo(
        Math.min(...lists.map((list) => list.reduce((a, b) => Math.min(a, b), 0))),
        4,
      );
      expect(range?.max).toBeCloseTo(
        Math.max(...lists.map((list) => list.reduce((a, b) => Math.max(a, b), 0))),
        4,
      );
      const means = range?.channelMeans ?? new Float32Array();
      const mean = means.reduce((a, b) => a + b, 0) / means.length;
      const sums = lists.map((list) => list.reduce((a, b) => a + b, 0)).reduce((a, b) => a + b);
      expect(mean).toBeCloseTo(sums / lists.map(({ length }) => length).reduce((a, b) => a + b), 4);
    }
    expect(ranges.get('x')?.channelMeans).toHaveLength(3);
  });

  it('counts channels by dimension 1', async () => {
    const data = Float32Array.from({ length: 2 * SIZE }, (_, index) => Math.floor(index / 1024) % 3);
    const ranges = await collected([{ x: { type: 'float32', dims: [2, 3, 32, 32], data } }]);
    expect([...(ranges.get('x')?.channelMeans ?? [])]).toEqual([0, 1, 2]);
  });

  it.each(['min-max', 'percentile', 'entropy'] as const)(
    'is the same however the values are sliced: %s',
    async (method) => {
      const whole = await collected(samples, { method });
      const sliced = await collected(samples, { method, watchedBytesMax: 70_000 });
      expect(sliced.size).toBe(whole.size);
      // ONNX Runtime fuses what nobody watches: the last bits may differ.
      for (const [name, { min, max }] of whole) {
        expect(sliced.get(name)?.min).toBeCloseTo(min, 1);
        expect(sliced.get(name)?.max).toBeCloseTo(max, 1);
      }
    },
  );

  it('takes the range by the method asked for', async () => {
    const minMax = (await collected(samples)).get('x');
    const percentile = (await collected(samples, { method: 'percentile' })).get('x');
    const entropy = (await collected(samples, { method: 'entropy' })).get('x');
    expect(minMax?.max).toBeGreaterThan(3.5);
    expect(percentile?.max).toBeLessThan(3.5);
    expect(percentile?.max).toBeGreaterThan(3);
    expect(entropy?.max).toBeLessThanOrEqual(minMax?.max ?? 0);
  });

  it('leaves out names that the model lacks, and values that are no floats', async () => {
    const net = new NetBuilder();
    net.add('Shape', ['x'], { outputs: ['shape'] });
    net.add('Relu', ['x'], { outputs: ['y'] });
    const model = net.model({
      inputs: { x: [1, 4] },
      outputs: { y: DataType.float, shape: DataType.int64 },
    });
    const ranges = await collected([aSample(1, [1, 4])], { model, names: ['shape', 'y', 'nobody'] });
    expect([...ranges.keys()]).toEqual(['y']);
  });
});

describe('what can not be calibrated with', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('an input with %s', async (value) => {
    const sample = aSample(1);
    (sample.x?.data as Float32Array)[17] = value;
    await expect(collected([aSample(2), sample])).rejects.toThrow(
      "sample 2 holds NaN or infinities in the input 'x'",
    );
  });

  it('a model that computes NaN', async () => {
    const net = new NetBuilder();
    net.add('Log', ['x'], { outputs: ['logarithm'] });
    const model: OnnxModel = net.model({ inputs: { x: [1, 4] }, outputs: ['logarithm'] });
    const negative: Sample = { x: { type: 'float32', dims: [1, 4], data: Float32Array.of(1, 2, -1, 3) } };
    await expect(collected([negative], { model, names: ['logarithm'] })).rejects.toThrow(
      "the model's value 'logarithm' holds NaN or infinities for sample 1",
    );
  });

  it('no sample at all', async () => {
    await expect(collected([])).rejects.toThrow('there is no sample to calibrate with');
  });

  it.each([
    ['of another shape', aSample(1, [1, 3, 32, 31])],
    ['of another type', { x: { type: 'uint8', dims: [1, 3, 32, 32], data: new Uint8Array(SIZE) } }],
    ['without the input', {}],
  ])('a sample %s', async (_, sample) => {
    await expect(collected([sample as Sample])).rejects.toThrow(/the model can't run sample 1: /);
  });
});
