import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onnxModel } from '../../support/onnx.js';
import { type Color, pngOf, solid } from '../../support/pictures.js';
import { TestRepository } from '../../support/repository.js';
import { startTestServer, type TestServer } from '../../support/server.js';
import { type CliResult, cli } from '../run-cli.js';

/** Scores are the means of the colours; `order` names the colour of each class. */
function colourModel(order: readonly number[], classify = false): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'picture', type: 'FP32', dims: ['batch', 3, 4, 4] }],
    outputs: [
      { name: 'scores', type: 'FP32', dims: ['batch', 3] },
      ...(classify ? [{ name: 'class', type: 'INT64' as const, dims: ['batch'] }] : []),
    ],
    initializers: [
      {
        name: 'order',
        type: 'INT64',
        dims: [3],
        data: new Uint8Array(BigInt64Array.from(order, BigInt).buffer),
      },
    ],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['picture'],
        outputs: ['means'],
        attributes: { axes: [2, 3], keepdims: 0 },
      },
      { op: 'Gather', inputs: ['means', 'order'], outputs: ['scores'], attributes: { axis: 1 } },
      ...(classify
        ? [{ op: 'ArgMax', inputs: ['scores'], outputs: ['class'], attributes: { axis: 1, keepdims: 0 } }]
        : []),
    ],
  });
}

const CONFIG = `
backend: "onnxruntime"
max_batch_size: 4
input { name: "picture" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 4, 4 ] }
output { name: "scores" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "labels.txt" }
version_policy { all { } }
`;

const RED: Color = [200, 10, 20];
const GREEN: Color = [10, 200, 20];
const BLUE: Color = [10, 20, 200];
const picture = (color: Color): Uint8Array => pngOf(8, 8, solid(color));

const repository = new TestRepository({
  'colour/config.pbtxt': CONFIG,
  'colour/labels.txt': 'Red\nGreen\nBlue\n',
  'colour/1/model.onnx': colourModel([0, 1, 2]),
  // Says blue of what is green, and the other way round.
  'colour/2/model.onnx': colourModel([0, 2, 1]),
});
const data = new TestRepository({
  'set/red/1.png': picture(RED),
  'set/red/2.png': picture(RED),
  'set/green/1.png': picture(GREEN),
  'set/blue/1.png': picture(BLUE),
  // A blue one among the green.
  'set/green/2.png': picture(BLUE),
  'odd/red/1.png': picture(RED),
  'odd/green/1.png': picture(RED).subarray(0, 60),
  'classed.onnx': colourModel([0, 1, 2], true),
  'numbers.csv': 'file,label\nset/red/1.png,0\nset/green/1.png,1\nset/blue/1.png,2\n',
});

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ modelRepositories: [repository.directory] });
});
afterAll(async () => {
  await server.stop();
  repository.remove();
  data.remove();
});

const evaluate = (...argv: string[]): Promise<CliResult> => cli('evaluate', ...argv);
const served = (...argv: string[]): Promise<CliResult> =>
  evaluate('colour', '--url', `127.0.0.1:${server.server.grpcPort}`, '--data', data.path('set'), ...argv);
const VERSION_1 = (): string => repository.path('colour/1/model.onnx');

const EXPECTED = {
  items: 5,
  right: 4,
  accuracy: 0.8,
  top5_accuracy: null,
  classes: [
    { label: 'Red', count: 2, precision: 1, recall: 1 },
    { label: 'Green', count: 2, precision: 1, recall: 0.5 },
    { label: 'Blue', count: 1, precision: 0.5, recall: 1 },
  ],
  confusion: [
    { label: 'Red', predicted: 'Red', count: 2 },
    { label: 'Green', predicted: 'Green', count: 1 },
    { label: 'Green', predicted: 'Blue', count: 1 },
    { label: 'Blue', predicted: 'Blue', count: 1 },
  ],
};

describe('an evaluation', () => {
  it('of a served model finds the classes by its labels', async () => {
    const { code, out, err } = await served('--model-version', '1', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ model: 'colour 1', ...EXPECTED, compared: null, failed: [] });
  });

  it('of the same file says the same', async () => {
    const { code, out, err } = await evaluate(VERSION_1(), '--data', data.path('set'), '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ model: 'model.onnx', ...EXPECTED });
  });

  it('compares two versions', async () => {
    const { code, out } = await served('--compare', '1', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      model: 'colour',
      accuracy: 0.6,
      compared: { model: 'colour 1', ...EXPECTED },
      difference: { accuracy: -0.2, agreement: 0.4, lost: 2, gained: 1, chance: 1 },
    });
  });

  it('compares a served model with a file, and files with each other', async () => {
    const other = repository.path('colour/2/model.onnx');
    const mixed = await served('--model-version', '1', '--compare', other, '--json');
    const files = await evaluate(VERSION_1(), '--data', data.path('set'), '--compare', other, '--json');
    for (const { out } of [mixed, files]) {
      expect(JSON.parse(out)).toMatchObject({ accuracy: 0.8, compared: { accuracy: 0.6 } });
    }
    expect(JSON.parse(files.out)).toMatchObject({ model: VERSION_1(), compared: { model: other } });
  });

  it('of a file has the configuration of the one that it is compared with', async () => {
    const file = data.path('classed.onnx');
    const { out, err } = await evaluate(file, '--data', data.path('set'), '--compare', VERSION_1(), '--json');
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({ ...EXPECTED, difference: { agreement: 1 } });
  });

  it('is told as tables', async () => {
    const { out } = await served('--compare', '1');
    expect(out).toContain('| colour   | 5     | 3     | 60.00 %  |');
    expect(out).toMatch(/\| Green \| 2 +\| 50\.00 % +\| 50\.00 % +\| 50\.00 % +\| 0\.00 points +\|/);
    expect(out).toContain('| 1 Green | . | 1 | 1 |');
    expect(out).toContain('accuracy -20.00 points, the same class for 40.00 % of the items.');
    expect(out).toContain('2 that colour 1 has right are wrong, 1 that it has wrong are right');
  });

  it('takes an output that names the class, labels by number and settings for a bare file', async () => {
    const file = data.path('classed.onnx');
    const ask = (...argv: string[]): Promise<CliResult> =>
      evaluate(file, '--data', data.path('numbers.csv'), '--output', 'class', '--json', ...argv);
    expect(JSON.parse((await ask()).out)).toMatchObject({ accuracy: 1, items: 3 });
    // With its colours the other way round, red is blue.
    const swapped = await ask('--image', 'color=bgr');
    expect(JSON.parse(swapped.out)).toMatchObject({ right: 1 });
    // Told without a configuration, which says how pictures become numbers.
    expect((await ask()).err).toMatch(/taken as they are, 0 to 255\n$/);
    expect(swapped.err).toBe('');
    const labels = data.path('labels.txt');
    writeFileSync(labels, 'red\ngreen\nblue\n');
    const named = await evaluate(file, '--data', data.path('set'), '--labels', labels);
    expect(named.out).toContain('| green | 2 ');
  });
});

describe('an evaluation fails', () => {
  it('below its bounds, with the figures', async () => {
    const { code, out, err } = await served('--compare=1', '--min-accuracy=0.7', '--max-drop=0.1');
    expect(code).toBe(1);
    expect(out).toContain('60.00 %');
    expect(err).toBe(
      'naiad evaluate: the accuracy 0.6000 is below --min-accuracy=0.7\nnaiad evaluate: the accuracy drops by 0.2000, more than --max-drop=0.1\n',
    );
    expect(await served('--compare=1', '--max-drop=0.2', '--min-accuracy=0.6')).toMatchObject({ code: 0 });
  });

  it.each([
    ['a server', () => served('--data', data.path('odd'), '--json')],
    ['a file', () => evaluate(VERSION_1(), '--data', data.path('odd'), '--json')],
  ])('when an item can not be asked of %s, which is left out', async (_, run) => {
    const { code, out, err } = await run();
    expect({ code, err }).toEqual({ code: 1, err: 'naiad evaluate: 1 item could not be asked\n' });
    expect(JSON.parse(out)).toMatchObject({
      items: 1,
      accuracy: 1,
      failed: [
        { path: data.path('odd/green/1.png'), reason: expect.stringContaining('is truncated or corrupt') },
      ],
    });
  });

  it.each([
    [() => served('--model-version=9'), /'colour' version 9 is not found/],
    [
      () => evaluate('color', '--url', `127.0.0.1:${server.server.grpcPort}`, '--data', data.path('set')),
      /did you mean 'colour'/,
    ],
    [() => evaluate(data.path('classed.onnx'), '--data', data.path('set')), /does not name its classes/],
    [
      () => evaluate(data.path('classed.onnx'), '--data', data.path('numbers.csv'), '--output=x'),
      /has no output 'x', it has scores/,
    ],
    [
      () => evaluate(data.path('none.onnx'), '--data', data.path('set')),
      /can't read .*none\.onnx: it does not exist/,
    ],
    [
      () => evaluate(VERSION_1(), '--data', data.path('set'), '--image=colour=bgr'),
      /unknown setting 'colour', did you mean 'color'/,
    ],
  ])('with the reason %#', async (run, reason) => {
    const { code, err } = await run();
    expect(code).toBe(1);
    expect(err).toMatch(reason);
  });

  it.each([
    [[], /which model\?/],
    [['m'], /--data is missing/],
    [['m', '--data=x', '--config=c'], /--config belongs to a \.onnx file/],
    [['m.onnx', '--data=x', '--model-version=2'], /--model-version belongs to a model on a server/],
    [['m.onnx', '--data=x', '--compare=2'], /--compare=2: expected a \.onnx file/],
    [['m', '--data=x', '--max-drop=0.1'], /--max-drop needs --compare/],
  ])('as a mistake of the command line: %j', async (argv, reason) => {
    const { code, err } = await evaluate(...argv);
    expect(code).toBe(2);
    expect(err).toMatch(reason);
  });
});
