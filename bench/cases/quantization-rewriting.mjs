import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeSamples } from '../models/crops.mjs';
import { resnet50 } from '../models/networks.mjs';
import { Random } from '../models/random.mjs';
import { machineCpuSeconds, ownCpuSeconds } from '../system/proc.mjs';

/** One takes some ten seconds, most of it for calibrating and comparing. */
const ROUNDS_MAX = 2;
const SAMPLES = 4;
const PIXELS = 3 * 224 * 224;
/** Of a model of 100 MB. */
const REWRITING_S_MAX = 3;
const STEPS = ['read', 'shapes', 'rewrite', 'write'];

/** A network of 102 MB, whose convolutions take longer to rewrite than matrices; by the command, in a process alone. */
/** @type {import('../context.mjs').Case} */
export const rewriting = {
  name: 'quantization-rewriting',
  title: 'A convolution net of 102 MB, rewritten to `int8`',
  async run(context) {
    const { build, pace } = context;
    const scratch = await context.folder();
    const model = join(scratch, 'net.onnx');
    const samples = join(scratch, 'samples');
    await writeFile(model, resnet50());
    const random = new Random(3);
    await writeSamples(
      samples,
      Array.from({ length: SAMPLES }, () => Buffer.from(random.normal(PIXELS, 1).buffer)),
    );
    const before = usage();
    /** @type {Map<string, number>[]} */
    const rounds = [];
    for (let round = 0; round < Math.min(ROUNDS_MAX, pace.rounds); round++) {
      const words = ['quantize', model, '--mode=int8', `--calibrate=${samples}`, '--force', '--json'];
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...build.nodeFlags,
        build.main,
        ...words,
        `--out=${join(scratch, `out${round}`)}`,
      ]);
      /** @type {{ report: import('../system/artifacts.mjs').QuantizationReport }} */
      const { report } = JSON.parse(stdout);
      rounds.push(new Map(report.steps.map(({ name, ms }) => [name, ms / 1000])));
    }
    const after = usage();
    const secondsOf = (/** @type {readonly string[]} */ names) =>
      rounds.map((steps) => names.reduce((sum, name) => sum + (steps.get(name) ?? 0), 0));
    return {
      slices: new Map(),
      otherCores: Math.max(0, (after.others - before.others) / (after.at - before.at)),
      bounds: [
        {
          what: 'reading, rewriting and writing',
          unit: 's',
          limit: { kind: 'atMost', value: REWRITING_S_MAX },
          values: secondsOf(STEPS),
        },
        ...['calibrate', 'compile', 'compare'].map((step) => ({
          what: `besides: ${step}${step !== 'compile' ? `, ${SAMPLES} samples` : ''}`,
          unit: 's',
          limit: null,
          values: secondsOf([step]),
        })),
      ],
    };
  },
};

/** Of the processors, by all but this process and the commands that have ended. */
function usage() {
  return { at: performance.now() / 1000, others: machineCpuSeconds() - ownCpuSeconds() };
}
