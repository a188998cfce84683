import { describe, expect, it } from 'vitest';
import { compareModels } from '#naiad/quantize/compare-models.js';
import type { RunnableModel } from '#naiad/quantize/runtime.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import { FakeClock } from '../support/fake-clock.js';

const DESCRIPTION: RunnableModel['description'] = {
  inputs: [],
  outputs: [{ name: 'Y', nativeType: 'float32', datatype: 'FP32', shape: [1] }],
};

/** Answers 1, in as many ms as `msOf` says of the run. */
function aModel(clock: FakeClock, msOf: (run: number) => number): RunnableModel & { runs: number } {
  return {
    runs: 0,
    description: DESCRIPTION,
    async run() {
      await clock.advance(msOf(this.runs++) * 1e6);
      const data = new Uint8Array(Float32Array.of(1).buffer);
      return [{ name: 'Y', datatype: 'FP32', shape: [1], data }];
    },
    async release() {},
  };
}

async function compare(originalMs: (run: number) => number, otherMs: (run: number) => number, samples = 2) {
  const clock = new FakeClock();
  const [original, other] = [aModel(clock, originalMs), aModel(clock, otherMs)];
  const rows = (async function* (): AsyncGenerator<readonly NamedTensor[]> {
    for (let sample = 0; sample < samples; sample++) yield [];
  })();
  const { runMs } = await compareModels(original, other, rows, { classOutputs: new Set(), clock });
  return { runMs, runs: [original.runs, other.runs] };
}

describe('the time of one run', () => {
  it('is that of the fastest, the first of which is not counted', async () => {
    const { runMs } = await compare(
      (run) => (run === 0 ? 0.5 : 2),
      (run) => (run === 3 ? 1 : 4),
    );
    expect(runMs).toEqual({ original: 2, other: 1 });
  });

  it('is found however many runs were held up, where they are short', async () => {
    const { runMs, runs } = await compare(
      () => 2,
      (run) => (run < 20 ? 7 : 1),
    );
    expect(runMs.other).toBe(1);
    expect(runs).toEqual([51, 51]);
  });

  it('is that of a few runs where they are long, or of the samples', async () => {
    const long = () => 400;
    expect((await compare(long, long)).runs).toEqual([6, 6]);
    expect((await compare(long, long, 9)).runs).toEqual([10, 10]);
    const short = () => 1;
    expect((await compare(short, short, 60)).runs).toEqual([60, 60]);
  });
});
