import { describe, expect, it } from 'vitest';
import { Preparation } from '#naiad/lifecycle/preparation.js';
import { bestOf, reportOf } from '#naiad/quantize/attempt.js';
import type { QuantizationReport } from '#naiad/quantize/report.js';
import type { Artifacts, PreparedModel } from '#naiad/worker/build/artifacts.js';
import { FakeClock } from '../support/fake-clock.js';
import { instanceOptions } from '../support/instances.js';
import { aGeneration, aTarget } from './generations.js';

const MADE = '/cache/trees/t/files/model.onnx';

const REPORT: QuantizationReport = reportOf([], bestOf('int8-dynamic', []), {
  requested: 'int8-dynamic',
  modelBytes: 1,
  samples: 'none',
  steps: [],
});

/** What a version loads for which `prepared` was made, and what was given up of that. */
async function preparing(
  prepared: Partial<PreparedModel>,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ preparation: Preparation; given: string[] }> {
  const given: string[] = [];
  const artifacts: Artifacts = {
    prepare: async () => ({
      modelFile: MADE,
      compiled: true,
      report: null,
      shortfall: '',
      live: null,
      steps: [],
      ...prepared,
    }),
    distrust: (_, reason) => void given.push(reason),
    quantizeLive: async () => false,
  };
  const parameters = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`quantization.${key}`, { string_value: value }]),
  );
  const { generation, version } = aTarget(aGeneration({ config: { parameters } }));
  const context = { artifacts, clock: new FakeClock() };
  return { preparation: await Preparation.begin(context, generation.source, version), given };
}

const options = instanceOptions({ modelFile: '/models/m/1/model.onnx' });
const nothingMade = async ({ modelFile }: { readonly modelFile: string }): Promise<string> => {
  if (modelFile === MADE) throw new Error('it is broken');
  return modelFile;
};

describe('an instance', () => {
  it('is loaded from what was made', async () => {
    const { preparation, given } = await preparing({});
    const { instance, prepared } = await preparation.load(options, async ({ modelFile }) => modelFile);
    expect(instance).toBe(MADE);
    expect(prepared.compiled).toBe(true);
    expect(given).toEqual([]);
  });

  it('is loaded as the model lies there where what was made can not be, and that is given up', async () => {
    const { preparation, given } = await preparing({ report: REPORT }, { mode: 'int8-dynamic' });
    const { instance, prepared } = await preparation.load(options, nothingMade);
    expect(instance).toBe(options.modelFile);
    expect(prepared.shortfall).toBe('it is not quantized (int8-dynamic): it is broken');
    expect(given).toEqual(['it is broken']);
  });

  it('is not loaded at all where nothing may take the place of a quantized model', async () => {
    const settings = { mode: 'int8-dynamic', on_failure: 'fail' };
    const { preparation } = await preparing({ report: REPORT }, settings);
    await expect(preparation.load(options, nothingMade)).rejects.toThrow(
      'it is not quantized (int8-dynamic): it is broken',
    );
  });

  it('keeps what was made where the model itself can not be loaded either', async () => {
    const { preparation, given } = await preparing({});
    const fails = (): Promise<string> => Promise.reject(new Error('there is no memory'));
    await expect(preparation.load(options, fails)).rejects.toThrow('there is no memory');
    expect(given).toEqual([]);
  });
});
