import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '#naiad/lib/random.js';
import { readModel } from '#naiad/onnx/read-model.js';
import type { QuantizationReport } from '#naiad/quantize/report.js';
import type { Sensitivity } from '#naiad/quantize/sensitivity.js';
import { encodePng, PNG_GRAY } from '../../support/pictures.js';
import { TestRepository } from '../../support/repository.js';
import { type CliResult, cli, spawnProgram } from '../run-cli.js';

/** Trained on 28x28 gray pictures of ten classes: two convolutions, two matrix products. */
const MODEL = resolve(
  import.meta.dirname,
  '../../../tools/fashion-mnist/repository/fashion_mnist/1/model.onnx',
);

const folder = new TestRepository();
afterAll(() => folder.remove());

const PICTURES = folder.path('pictures');
writePictures(PICTURES, 12);

/** Light shapes on black, as the net knows them. */
function writePictures(directory: string, count: number): void {
  mkdirSync(directory, { recursive: true });
  const random = seededRandom(5);
  for (let index = 0; index < count; index++) {
    const [left, top, light] = [random() * 12, random() * 12, 100 + random() * 155];
    const samplesAt = (x: number, y: number): number[] => [
      x > left && x < 27 - left && y > top ? Math.round(light * random()) : 0,
    ];
    const png = encodePng({ width: 28, height: 28, colorType: PNG_GRAY, bitDepth: 8, samplesAt });
    writeFileSync(join(directory, `${index}.png`), png);
  }
}

interface Result {
  readonly model: string;
  readonly settings: { readonly mode: string; readonly exclude: readonly string[]; readonly seed: number };
  readonly report: QuantizationReport;
  readonly sensitivity: Sensitivity;
}

const quantize = (...argv: string[]): Promise<CliResult> => cli('quantize', ...argv);
const int8 = (out: string, ...argv: string[]): Promise<CliResult> =>
  quantize(MODEL, '--mode=int8', '--calibrate', PICTURES, '--out', folder.path(out), ...argv);
const jsonOf = ({ out }: CliResult): Result => JSON.parse(out) as Result;
/** What lies beside the results: nothing else must. */
const leftBeside = (out: string): string[] => readdirSync(folder.path(out));

describe('a quantized model', () => {
  it('lies in its folder with its report, and can be used', async () => {
    const { code, out, err } = await int8('new/deep/int8');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^int8: quantized, compared with the original on 12 samples\n/);
    expect(out).toMatch(/\| size +\| 424\.4 kB \| 1\d\d\.\d kB +\| [34]\.\d\d times smaller +\|/);
    expect(out).toMatch(/\| probabilities \| 0\.99/);
    expect(out).toContain('QLinearConv');
    expect(out).toContain(`Written to ${folder.path('new/deep/int8')}`);
    expect(leftBeside('new/deep')).toEqual(['int8']);
    expect(readdirSync(folder.path('new/deep/int8')).sort()).toEqual(['model.onnx', 'report.json']);
    const written = JSON.parse(readFileSync(folder.path('new/deep/int8/report.json'), 'utf8')) as Result;
    expect(written).toMatchObject({
      model: 'model.onnx',
      made_by: { naiad: expect.any(String), onnxruntime: expect.any(String) },
      settings: { mode: 'int8' },
      report: { outcome: 'quantized', samples: { kind: 'folder', count: 12 }, layers: { quantized: 4 } },
    });
    const operators = readModel(folder.path('new/deep/int8/model.onnx')).graph.nodes.map(
      ({ opType }) => opType,
    );
    expect(operators).toContain('QuantizeLinear');
    // For any machine: nothing of the layouts that this one would take.
    expect(operators.filter((name) => /QLinear|Reorder|Fused/.test(name))).toEqual([]);
  });

  it('goes by the configuration, and by flags before it', async () => {
    const config = folder.path('config.pbtxt');
    const parameters = { mode: 'int8-weight', seed: '7', exclude: 'dense1, conv1', on_failure: 'fail' };
    const lines = Object.entries(parameters).map(
      ([key, value]) => `parameters { key: "quantization.${key}" value { string_value: "${value}" } }`,
    );
    writeFileSync(config, `max_batch_size: 8\n${lines.join('\n')}`);
    const bare = await quantize(
      MODEL,
      `--config=${config}`,
      '--calibrate',
      PICTURES,
      '--out',
      folder.path('bare'),
      '--image=format=NCHW',
    );
    expect(bare).toMatchObject({ code: 0, err: '' });
    const own = jsonOf(await quantize(MODEL, `--config=${config}`, '--out', folder.path('own'), '--json'));
    expect(own).toMatchObject({
      settings: { mode: 'int8-weight', seed: 7, exclude: ['dense1', 'conv1'] },
      report: { samples: { kind: 'none' }, layers: { reasons: { 'it is excluded': 2 } } },
    });
    const flags = ['--mode=int4-weight', '--exclude=dense2', '--exclude=conv1,conv2', '--symmetric=false'];
    const given = jsonOf(
      await quantize(
        MODEL,
        `--config=${config}`,
        '--out',
        folder.path('given'),
        '--json',
        '--min-cosine=0.5',
        '--min-top1-agreement=0',
        ...flags,
      ),
    );
    expect(given.settings).toMatchObject({
      mode: 'int4-weight',
      symmetric: false,
      exclude: ['dense2', 'conv1', 'conv2'],
    });
    expect(given.report.layers.worst.map(({ node }) => node)).toEqual(['dense1']);
  });

  it('below its bounds is not written unless it is forced', async () => {
    const refused = await int8('bounds/a', '--min-cosine=1');
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(
      /nothing is written: output 'probabilities' has a cosine of 0\.99\d+ .*; --force/,
    );
    expect(refused.out).toMatch(/^int8: not quantized: output 'probabilities'/);
    expect(refused.out).toContain('times smaller');
    expect(leftBeside('bounds')).toEqual([]);
    const forced = await int8('bounds/a', '--min-cosine=1', '--force');
    expect(forced.code).toBe(0);
    expect(forced.out).toContain("note: output 'probabilities' has a cosine of 0.99");
    expect(leftBeside('bounds')).toEqual(['a']);
  });
});

describe('the sensitivity', () => {
  it('tells what to exclude, which makes the error smaller', async () => {
    // Errors of weights add up, those of activations may cancel each other.
    const flags = ['--mode=int4-weight', '--calibrate', PICTURES, '--min-cosine=0', '--min-top1-agreement=0'];
    const told = await quantize(MODEL, ...flags, '--sensitivity', '--json');
    expect(told.code).toBe(0);
    const { report, sensitivity } = jsonOf(told);
    expect(report).toBeUndefined();
    const { layers, exclude, samples, skipped } = sensitivity;
    expect({ samples, skipped }).toEqual({ samples: 8, skipped: [] });
    expect(layers.map(({ node }) => node).sort()).toEqual(['conv2', 'dense1', 'dense2']);
    expect(layers.map(({ share }) => share)).toEqual(
      layers.map(({ share }) => share).toSorted((a, b) => b - a),
    );
    expect(layers.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(exclude.nodes).toEqual(layers.slice(0, exclude.nodes.length).map(({ node }) => node));
    const errorOf = async (out: string, ...argv: string[]): Promise<number> => {
      const result = await quantize(MODEL, ...flags, '--out', folder.path(out), '--json', ...argv);
      return jsonOf(result).report.outputs[0]?.relativeRmse ?? Number.NaN;
    };
    const excluded = await errorOf('excluded', `--exclude=${exclude.nodes.join(',')}`);
    expect(excluded).toBeLessThan(await errorOf('all'));
  });

  it('is told as a table, with the report where both are wanted', async () => {
    const { out } = await int8('both', '--sensitivity', '--sensitivity-samples=2');
    expect(out).toContain('Answers to 2 samples when only this layer is quantized:');
    expect(out).toMatch(/--exclude=\w+ takes away about \d+ % of the error\./);
    expect(out).toMatch(/^int8: quantized/);
    const { sensitivity } = JSON.parse(readFileSync(folder.path('both/report.json'), 'utf8')) as Result;
    expect(sensitivity.layers.length).toBe(4);
  });
});

describe('nothing is written', () => {
  it('where something lies already, which stays', async () => {
    folder.write({ 'taken/mine.txt': 'precious' });
    const { code, err } = await int8('taken');
    expect(code).toBe(1);
    expect(err).toMatch(/taken is not empty: name a new folder, what is there stays as it is/);
    expect(readdirSync(folder.path('taken'))).toEqual(['mine.txt']);
    mkdirSync(folder.path('empty'));
    expect(await int8('empty')).toMatchObject({ code: 0 });
  });

  it('when the process is ended amid the work', async () => {
    const many = folder.path('many');
    writePictures(many, 400);
    const out = folder.path('ended/int8');
    const child = spawnProgram(
      'quantize',
      MODEL,
      '--mode=int8',
      '--calibrate',
      many,
      '--samples-max=400',
      '--out',
      out,
    );
    const ended = once(child, 'exit');
    const isUnderWay = (): boolean => existsSync(folder.path('ended')) && leftBeside('ended').length > 0;
    while (!isUnderWay() && child.exitCode === null) await pause(5);
    child.kill('SIGTERM');
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(leftBeside('ended')).toEqual([]);
  });

  it.each([
    [
      'no samples',
      () => int8('none', '--calibrate', folder.path('hollow')),
      /hollow holds no samples: expected/,
    ],
    [
      'no folder',
      () => int8('none', '--calibrate', folder.path('nowhere')),
      /can't read the folder of samples '.*nowhere': it does not exist\n/,
    ],
    [
      'a file in place of a folder',
      () => int8('none', '--calibrate', MODEL),
      /can't read the folder of samples '.*': it is no folder\n/,
    ],
    [
      'no pictures',
      () => int8('none', '--image=format=NHWC'),
      /no input takes pictures: 'picture' needs 1 or 3 channels, has 28 as FORMAT_NHWC/,
    ],
    ['numbers that are none', () => int8('none', '--calibrate', folder.path('nan')), /NaN or infinities/],
    [
      'another shape',
      () => int8('none', '--calibrate', folder.path('shape')),
      /'wrong\.npy' can not be used: input 'picture' takes the shape \[-1,1,28,28\], it holds \[3\]/,
    ],
    [
      'no model',
      () => quantize(folder.path('bad.onnx'), '--mode=fp16', '--out', folder.path('none')),
      /naiad quantize: (?!internal)/,
    ],
    [
      'quantized before',
      () => quantize(folder.path('both/model.onnx'), '--mode=int8-weight', '--out', folder.path('none')),
      /quantized already/,
    ],
  ])('for %s, with the reason', async (_, run, reason) => {
    folder.write({
      'bad.onnx': 'no model at all',
      'hollow/readme.md': '',
      'nan/0.npy': npy([1, 1, 28, 28], new Float32Array(784).fill(Number.NaN)),
      'shape/wrong.npy': npy([3], new Float32Array(3)),
    });
    const { code, err } = await run();
    expect(err).toMatch(reason);
    expect(code).toBe(1);
    expect(existsSync(folder.path('none'))).toBe(false);
    expect(readdirSync(folder.directory).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.each([
    [[], /which model\?/],
    [[MODEL, '--mode=int8'], /--calibrate\n.*--out is missing/],
    [[MODEL, '--out=x'], /which mode\? Give one with --mode/],
    [
      [MODEL, '--out=x', '--mode=int8'],
      /int8 needs samples: name a folder of pictures or tensors with --calibrate/,
    ],
    [[MODEL, '--out=x', '--mode=int9'], /--mode must be one of .*, got 'int9', did you mean 'int8'\?/],
    [
      [MODEL, '--out=x', '--mode=nf4', '--block-size=7'],
      /--block-size must be one of 16, 32, 64, 128, 256, got '7'/,
    ],
    [[MODEL, '--out=x', '--mode=int8', '--calibrate=live:9'], /requests come to servers only/],
    [
      [MODEL, '--out=x', '--mode=nf4', '--keep-frist'],
      /unknown flag '--keep-frist', did you mean '--keep-first'\?/,
    ],
    [[MODEL, '--out=x', '--mode=nf4', '--image=scale'], /--image=scale: expected SETTING=VALUE/],
  ])('for a mistake of the command line: %j', async (argv, reason) => {
    const { code, err } = await quantize(...argv);
    expect(err).toMatch(reason);
    expect(code).toBe(2);
  });
});

function npy(shape: readonly number[], data: Float32Array): Uint8Array {
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = head.padEnd(64 * Math.ceil((head.length + 11) / 64) - 11);
  const start = Buffer.from(`\x93NUMPY\x01\x00`, 'latin1');
  const size = Buffer.alloc(2);
  size.writeUInt16LE(padded.length + 1);
  return Buffer.concat([start, size, Buffer.from(`${padded}\n`), new Uint8Array(data.buffer)]);
}
