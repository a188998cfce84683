import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { RunInputs, RunOutputs } from '#naiad/backend/backend.js';
import { systemClock } from '#naiad/lib/clock.js';
import { planWarmUp, type WarmUpRun, warmUp } from '#naiad/lifecycle/warm-up.js';
import { compileSpec } from '#naiad/model-config/compile.js';
import { readImages } from '#naiad/model-config/image-parameters.js';
import type { ModelSpec } from '#naiad/model-config/model-spec.js';
import { normalise } from '#naiad/model-config/normalise.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { validateTensors } from '#naiad/model-config/validate-io.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { joinBytes, splitBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import type { Executor } from '#naiad/worker/executor.js';
import { Lanes } from '#naiad/worker/lanes.js';
import { anIdentityLoad, anOnnxLoad, int32Values, removeModel, writeModel } from '../support/instances.js';
import { addSub, type OnnxDim, type OnnxType, onnxModel } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';

const ORIGIN = '/repository/m';
const folders: string[] = [];
const models: string[] = [];
const lanes = new Lanes({
  settings: { cores: 1, cpuLanes: 1, cpuLanesMax: 1 },
  clock: systemClock,
  log: new RecordedLog(),
});
const loaded: Executor[] = [];

afterEach(async () => {
  await Promise.all(loaded.splice(0).map((executor) => executor.unload()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  for (const model of models.splice(0)) removeModel(model);
});
afterAll(() => lanes.close());

/** A model's folder with data files by their paths in `warmup`. */
function folderWith(files: Readonly<Record<string, Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-warm-up-'));
  folders.push(folder);
  for (const [path, content] of Object.entries({ '.keep': new Uint8Array(), ...files })) {
    const file = join(folder, 'warmup', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  return folder;
}

/** The compiled configuration of model `m`, which is right. */
function specOf(text: string): ModelSpec {
  const { config, findings } = parseConfig('pbtxt', `name: "m" ${text}`, 'config.pbtxt');
  expect(findings).toEqual([]);
  const complete = normalise(config, { gpuAvailable: false, instanceCount: () => 1 });
  expect(validateTensors(complete, false)).toEqual([]);
  return compileSpec(complete, { labels: new Map(), images: readImages(complete).images });
}

/** Configuration of a model X -> Y. */
const xToY = (type: string, dims: string, max = 8): string =>
  `backend: "onnxruntime" max_batch_size: ${max}
   input { name: "X" data_type: TYPE_${type} dims: ${dims} }
   output { name: "Y" data_type: TYPE_${type} dims: ${dims} }`;

function warmup(inputs: Readonly<Record<string, string>>, fields = 'batch_size: 1'): string {
  const entries = Object.entries(inputs).map(([key, value]) => `inputs { key: "${key}" value { ${value} } }`);
  return `model_warmup { name: "w" ${fields} ${entries.join(' ')} }`;
}

const int32 = (dims: string, data: string): string => `data_type: TYPE_INT32 dims: [ ${dims} ] ${data}`;
const bytesOf = (values: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
const texts = (...values: string[]): Uint8Array => joinBytes(values.map((value) => Buffer.from(value)));

async function onnx(model: Uint8Array): Promise<Executor> {
  const file = writeModel(model);
  models.push(file);
  const executor = await lanes.load(anOnnxLoad(file));
  loaded.push(executor);
  return executor;
}

/** Hands runs on to `executor` and keeps what went in and came out; at most one may be under way. */
class Recorder {
  readonly inputs: NamedTensor[][] = [];
  readonly outputs: RunOutputs[] = [];
  readonly executor: Executor;
  #running = false;

  constructor(executor: Executor | null = null) {
    const run = async (batch: RunInputs): Promise<RunOutputs> => {
      expect(this.#running).toBe(false);
      this.#running = true;
      this.inputs.push(batch.inputs.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) })));
      try {
        const outputs = await (executor?.run(batch) ?? ignored(batch));
        this.outputs.push(outputs);
        return outputs;
      } finally {
        this.#running = false;
      }
    };
    this.executor = {
      name: 'm_0',
      description: null,
      available: true,
      onAvailability: () => () => {},
      run,
      unload: () => Promise.resolve(),
    };
  }

  get shapes(): (readonly number[])[][] {
    return this.inputs.map((tensors) => tensors.map(({ shape }) => shape));
  }
}

/** Takes the buffers away, as a thread border does. */
async function ignored({ inputs }: RunInputs): Promise<RunOutputs> {
  structuredClone(null, { transfer: [...new Set(inputs.map(({ data }) => data.buffer as ArrayBuffer))] });
  return { outputs: [], marks: { start: 0, inputEnd: 0, outputStart: 0, end: 0 } };
}

/** What an instance that takes anything is given. */
async function recorded(text: string, folder = folderWith()): Promise<Recorder> {
  const recorder = new Recorder();
  await warmUp(recorder.executor, await planWarmUp(specOf(text), folder, ORIGIN));
  return recorder;
}

describe('a warm-up of a real model', () => {
  const config = `backend: "onnxruntime" max_batch_size: 8
    input [ { name: "INPUT0" data_type: TYPE_INT32 dims: [ 16 ] }, { name: "INPUT1" data_type: TYPE_INT32 dims: [ 16 ] } ]
    output [ { name: "OUTPUT0" data_type: TYPE_INT32 dims: [ 16 ] }, { name: "OUTPUT1" data_type: TYPE_INT32 dims: [ 16 ] } ]`;

  it('runs each sample as often as it says', async () => {
    const row = Array.from({ length: 16 }, (_, index) => index);
    const spec = specOf(`${config}
      ${warmup({ INPUT0: int32('16', 'zero_data: true'), INPUT1: int32('16', 'random_data: true') })}
      ${warmup({ INPUT1: int32('16', 'zero_data: true'), INPUT0: int32('16', 'input_data_file: "in/0"') }, 'batch_size: 4 count: 2')}`);
    const runs = await planWarmUp(spec, folderWith({ 'in/0': bytesOf(row) }), ORIGIN);
    const recorder = new Recorder(await onnx(addSub(['batch', 16])));
    await warmUp(recorder.executor, runs);
    expect(recorder.shapes).toEqual([
      [
        [1, 16],
        [1, 16],
      ],
      [
        [4, 16],
        [4, 16],
      ],
      [
        [4, 16],
        [4, 16],
      ],
    ]);
    expect(recorder.inputs.map((tensors) => tensors.map(({ name }) => name))).toEqual(
      Array.from({ length: 3 }, () => ['INPUT0', 'INPUT1']),
    );
    const answers = recorder.outputs.map(({ outputs }) => outputs.map(({ name }) => name));
    expect(answers).toEqual(Array.from({ length: 3 }, () => ['OUTPUT0', 'OUTPUT1']));
    const [, , last] = recorder.outputs;
    expect(last?.outputs.map(int32Values)).toEqual([
      [...row, ...row, ...row, ...row],
      [...row, ...row, ...row, ...row],
    ]);
  });

  it('makes new data for each run when buffers are transferred', async () => {
    const spec = specOf(`${xToY('INT32', '[ -1 ]')}
      ${warmup({ X: int32('10000', 'random_data: true') }, 'batch_size: 8 count: 3')}`);
    const runs = await planWarmUp(spec, folderWith(), ORIGIN);
    const recorder = new Recorder(await onnx(sameModel('INT32', ['batch', 'n'])));
    await warmUp(recorder.executor, runs);
    await warmUp(recorder.executor, runs);
    const [first, ...others] = recorder.inputs.flat();
    expect(others).toHaveLength(5);
    const bytes = first?.data ?? new Uint8Array();
    expect(others.map(({ data }) => Buffer.compare(data, bytes))).toEqual([0, 0, 0, 0, 0]);
    const values = first === undefined ? [] : int32Values(first);
    expect(values).toHaveLength(80_000);
    expect(new Set(values)).toEqual(new Set([0, 1]));
    // Each row is a copy of the first.
    expect(Buffer.compare(bytes.subarray(0, 40_000), bytes.subarray(280_000))).toBe(0);
  });

  it('gives strings to a model', async () => {
    const string = (data: string): Record<string, string> => ({
      X: `data_type: TYPE_STRING dims: [ 3 ] ${data}`,
    });
    const spec = specOf(`${xToY('STRING', '[ -1 ]')}
      ${warmup(string('zero_data: true'), 'batch_size: 2')}
      ${warmup(string('random_data: true'), 'batch_size: 2')}
      ${warmup(string('input_data_file: "f"'), 'batch_size: 2')}`);
    const recorder = new Recorder(await onnx(sameModel('BYTES', ['batch', 'n'])));
    await warmUp(recorder.executor, await planWarmUp(spec, folderWith({ f: texts('a', '', 'ö') }), ORIGIN));
    expect(recorder.shapes).toEqual([[[2, 3]], [[2, 3]], [[2, 3]]]);
    const answers = recorder.outputs.map(({ outputs }) =>
      outputs.flatMap(({ data }) => splitBytes(data).map((element) => Buffer.from(element).toString())),
    );
    const [zeros, random, file] = answers;
    expect(zeros).toEqual(['', '', '', '', '', '']);
    expect(random?.slice(0, 3)).toEqual(random?.slice(3));
    expect(random?.join('')).toMatch(/^[a-zA-Z0-9]+$/);
    expect(file).toEqual(['a', '', 'ö', 'a', '', 'ö']);
  });

  it('gives the shape that the model sees', async () => {
    const spec = specOf(`${xToY('INT32', '[ 4 ] reshape { shape: [ 2, 2 ] }')}
      ${warmup({ X: int32('4', 'zero_data: true') }, 'batch_size: 3')}`);
    const recorder = new Recorder(await onnx(sameModel('INT32', ['batch', 2, 2])));
    await warmUp(recorder.executor, await planWarmUp(spec, folderWith(), ORIGIN));
    expect(recorder.shapes).toEqual([[[3, 2, 2]]]);
  });

  it('adds no batch dimension where there is none', async () => {
    const spec = specOf(
      `${xToY('INT32', '[ -1, 2 ]', 0)} ${warmup({ X: int32('3, 2', 'zero_data: true') })}`,
    );
    const recorder = new Recorder(await onnx(sameModel('INT32', ['n', 2])));
    await warmUp(recorder.executor, await planWarmUp(spec, folderWith(), ORIGIN));
    expect(recorder.shapes).toEqual([[[3, 2]]]);
  });

  it('fails with what the model says of a sample', async () => {
    const spec = specOf(`${xToY('INT32', '[ 1 ]')}
      ${warmup({ X: int32('1', 'zero_data: true') }, 'batch_size: 2')}
      ${warmup({ X: int32('1', 'input_data_file: "f"') }, 'batch_size: 2').replace('"w"', '"far"')}
      ${warmup({ X: int32('1', 'zero_data: true') }, 'batch_size: 2')}`);
    const recorder = new Recorder(await onnx(lookUpModel()));
    const runs = await planWarmUp(spec, folderWith({ f: bytesOf([99]) }), ORIGIN);
    await expect(warmUp(recorder.executor, runs)).rejects.toMatchObject({
      name: 'ServingError',
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^failed to run warmup sample 'far': onnx runtime error \d+: .*out of data bounds.*; $/s,
      ),
    });
    expect(recorder.inputs).toHaveLength(2);
  });

  it('fails when its thread dies', async () => {
    const executor = await lanes.load(anIdentityLoad({ fault: 'exit' }));
    loaded.push(executor);
    const spec = specOf(
      `${xToY('INT32', '[ 1 ]').replace('"Y"', '"OUTPUT0"')} ${warmup({ X: int32('1', 'zero_data: true') })}`,
    );
    await expect(warmUp(executor, await planWarmUp(spec, folderWith(), ORIGIN))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^failed to run warmup sample 'w': the worker .* has stopped/),
    });
  });
});

describe('a warm-up', () => {
  it('stops before the next run when it is told to', async () => {
    const spec = specOf(
      `${xToY('INT32', '[ 1 ]')} ${warmup({ X: int32('1', 'zero_data: true') }, 'batch_size: 1 count: 100000')}`,
    );
    const runs = await planWarmUp(spec, folderWith(), ORIGIN);
    const stop = new AbortController();
    const recorder = new Recorder();
    const { executor } = recorder;
    const stopping: Executor = {
      ...executor,
      run: (batch) => {
        if (recorder.inputs.length === 2) stop.abort(new Error('superseded'));
        return executor.run(batch);
      },
    };
    await expect(warmUp(stopping, runs, stop.signal)).rejects.toThrow('superseded');
    expect(recorder.inputs).toHaveLength(3);
  });

  it('leaves out optional inputs that its sample leaves out', async () => {
    const text = `${xToY('INT32', '[ 1 ]')} input { name: "Z" data_type: TYPE_INT32 dims: [ 1 ] optional: true }`;
    const { inputs } = await recorded(`${text} ${warmup({ X: int32('1', 'zero_data: true') })}`);
    expect(inputs.map((tensors) => tensors.map(({ name }) => name))).toEqual([['X']]);
  });

  it('is the same each time, and another one for other samples', async () => {
    const sample = (name: string): string =>
      warmup({ X: int32('64', 'random_data: true') }).replace('"w"', `"${name}"`);
    const text = `${xToY('INT32', '[ 64 ]')} ${sample('a')} ${sample('b')}`;
    const { inputs } = await recorded(text);
    expect(inputs).toEqual((await recorded(text)).inputs);
    expect(inputs[0]).not.toEqual(inputs[1]);
  });

  it('asks for nothing where nothing is to be done', async () => {
    expect(await planWarmUp(specOf(xToY('INT32', '[ 1 ]')), '/nowhere', ORIGIN)).toEqual([]);
  });
});

describe('data files', () => {
  const plan = (
    folder: string,
    { file = 'f', type = 'INT32', dims = '2', rows = 1, backend = 'onnxruntime' } = {},
  ): Promise<readonly WarmUpRun[]> => {
    const value = `data_type: TYPE_${type} dims: [ ${dims} ] input_data_file: "${file}"`;
    const text = `${xToY(type, `[ ${dims} ]`)} ${warmup({ X: value }, `batch_size: ${rows}`)}`;
    return planWarmUp(specOf(text.replace('onnxruntime', backend)), folder, ORIGIN);
  };
  const given = async (folder: string, file = 'f'): Promise<number[]> => {
    const recorder = new Recorder();
    await warmUp(recorder.executor, await plan(folder, { file }));
    return recorder.inputs.flat().flatMap(int32Values);
  };

  it('may hold more than a row', async () => {
    expect(await given(folderWith({ f: bytesOf([1, 2, 3]) }))).toEqual([1, 2]);
  });

  it('may lie anywhere in the folder of the model, links included', async () => {
    const folder = folderWith({ 'deep/f': bytesOf([1, 2]) });
    writeFileSync(join(folder, 'beside'), bytesOf([3, 4]));
    symlinkSync('../beside', join(folder, 'warmup', 'link'));
    const link = join(folderWith(), 'linked');
    symlinkSync(folder, link);
    expect(await given(folder, 'deep/f')).toEqual([1, 2]);
    expect(await given(folder, '../beside')).toEqual([3, 4]);
    expect(await given(folder, 'link')).toEqual([3, 4]);
    expect(await given(link, 'link')).toEqual([3, 4]);
  });

  it.each([
    ['is missing', 'gone', 'No such file or directory'],
    ['is a folder', 'folder', 'Is a directory'],
    ['lies in a file', 'f/x', 'Not a directory'],
    ['has a name that is too long', 'x'.repeat(300), 'File name too long'],
    ['is a link to itself', 'circle', 'Too many levels of symbolic links'],
    ['leads outside by a link', 'outside', 'it leads outside the folder of the model'],
    ['is no plain file', 'pipe', 'it is not a plain file'],
  ])('can not be read: one that %s', async (_, file, reason) => {
    const folder = folderWith({ f: bytesOf([1, 2]), 'folder/x': bytesOf([1]) });
    symlinkSync('circle', join(folder, 'warmup', 'circle'));
    symlinkSync(
      join(folderWith({ secret: bytesOf([7, 7]) }), 'warmup', 'secret'),
      join(folder, 'warmup', 'outside'),
    );
    execFileSync('mkfifo', [join(folder, 'warmup', 'pipe')]);
    await expect(plan(folder, { file })).rejects.toMatchObject({
      name: 'ServingError',
      code: 'INTERNAL',
      message: `failed to open text file for read ${ORIGIN}/warmup/${file}: ${reason}`,
    });
  });

  it('can not be read outside of the folder', async () => {
    await expect(plan(folderWith(), { file: '../../x' })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'failed to open text file for read /repository/x: it lies outside the folder of the model',
    });
  });

  it.each([
    [
      'too little',
      'INT32',
      bytesOf([1]),
      '[request id: <id_unknown>] warmup setting expects 8 bytes, but the data provided from fonly has 4 bytes',
    ],
    [
      'too few strings',
      'STRING',
      texts('a'),
      "[request id: <id_unknown>] expected 2 string elements for inference input 'X' for model 'm', got 1",
    ],
    [
      'too many strings',
      'STRING',
      texts('a', 'b', 'c'),
      "[request id: <id_unknown>] unexpected number of string elements 3 for inference input 'X' for model 'm', expecting 2",
    ],
    [
      'a cut string',
      'STRING',
      texts('a', 'bc').subarray(0, -1),
      "incomplete string data for inference input 'X', expecting string of length 2 but only 1 bytes available",
    ],
    [
      'a cut length',
      'STRING',
      texts('a', 'b').subarray(0, 7),
      "[request id: <id_unknown>] incomplete string length indicator for inference input 'X' for model 'm', expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in one buffer.",
    ],
    [
      'what is no text',
      'STRING',
      texts('a', '\0'),
      "[request id: <id_unknown>] string element 1 of input 'X' is not UTF-8 text without NUL bytes, which is all that the backend of model 'm' can receive",
    ],
  ])('can not hold %s', async (_, type, content, message) => {
    await expect(plan(folderWith({ f: content }), { type })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
    });
  });

  it('can not hold more than a warm-up may', async () => {
    const folder = folderWith({ f: new Uint8Array() });
    truncateSync(join(folder, 'warmup', 'f'), LIMITS.warmUpBytesMax + 1);
    await expect(plan(folder, { type: 'STRING' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "the warmup data of model 'm' have more than 1073741824 bytes in all",
    });
  });

  it('can not become a batch that is too large', async () => {
    const length = LIMITS.warmUpBytesMax / 8;
    const folder = folderWith({ f: bytesOf([length]) });
    truncateSync(join(folder, 'warmup', 'f'), 4 + length);
    const value = { type: 'STRING', dims: '1', backend: 'identity' };
    await expect(plan(folder, { ...value, rows: 7 })).resolves.toHaveLength(1);
    await expect(plan(folder, { ...value, rows: 8 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "warmup sample 'w' takes 1073741856 bytes, the limit is 1073741824",
    });
  });
});

describe('warmup.auto', () => {
  const AUTO = 'parameters { key: "warmup.auto" value { string_value: "1" } }';
  const rows = async (text: string): Promise<unknown[]> => {
    const { shapes } = await recorded(`${text} ${AUTO}`);
    return shapes.map(([shape]) => shape?.[0]);
  };

  it('runs each batch size that is formed by preference', async () => {
    const model = xToY('INT32', '[ 4 ]');
    expect(await rows(model)).toEqual([1, 8]);
    expect(await rows(`${model} dynamic_batching { }`)).toEqual([1, 8]);
    expect(await rows(`${model} dynamic_batching { preferred_batch_size: [ 4, 2, 8, 4 ] }`)).toEqual([
      1, 2, 4, 8,
    ]);
    expect(await rows(xToY('INT32', '[ 4 ]', 1))).toEqual([1]);
  });

  it('runs zeros on a real model', async () => {
    const spec = specOf(`${xToY('INT32', '[ 4 ]')} ${AUTO}`);
    const recorder = new Recorder(await onnx(sameModel('INT32', ['batch', 'n'])));
    await warmUp(recorder.executor, await planWarmUp(spec, folderWith(), ORIGIN));
    expect(recorder.outputs.map(({ outputs }) => outputs.flatMap(int32Values).length)).toEqual([4, 32]);
    expect(new Set(recorder.inputs.flat().flatMap(int32Values))).toEqual(new Set([0]));
  });

  it('comes after the samples', async () => {
    const sample = warmup({ X: int32('4', 'zero_data: true') }, 'batch_size: 3');
    expect(await rows(`${xToY('INT32', '[ 4 ]')} ${sample}`)).toEqual([3, 1, 8]);
  });

  it('names the size that fails', async () => {
    const executor = await lanes.load(anIdentityLoad({ fault: 'error' }));
    loaded.push(executor);
    const runs = await planWarmUp(specOf(`${xToY('INT32', '[ 4 ]')} ${AUTO}`), folderWith(), ORIGIN);
    await expect(warmUp(executor, runs)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message:
        "failed to run warmup sample 'warmup.auto, batch size 1': model 'identity' fails as its parameter 'fault' asks; ",
    });
  });

  it('runs a model without batches once', async () => {
    const { shapes } = await recorded(`${xToY('INT32', '[ 4, 2 ]', 0)} ${AUTO}`);
    expect(shapes).toEqual([[[4, 2]]]);
  });

  it('takes one picture where their number is open', async () => {
    const picture = xToY('FP32', '[ -1, 3, 4, 5 ]', 0).replace('dims:', 'format: FORMAT_NCHW dims:');
    const { shapes } = await recorded(`${picture} ${AUTO}`);
    expect(shapes).toEqual([[[1, 3, 4, 5]]]);
  });

  it('spreads over the sizes where there are too many', async () => {
    const all = Array.from({ length: 1000 }, (_, index) => index + 1);
    const model = xToY('INT32', '[ 1 ]', 1000);
    const sizes = await rows(`${model} dynamic_batching { preferred_batch_size: [ ${all} ] }`);
    expect(sizes).toHaveLength(LIMITS.warmUpSizesMax);
    expect([sizes[0], sizes.at(-1)]).toEqual([1, 1000]);
    expect(new Set(sizes).size).toBe(sizes.length);
  });

  it('leaves out sizes that no queue could hold', async () => {
    const model = xToY('INT32', '[ 67108864 ]', 1000);
    const spec = specOf(`${model} dynamic_batching { preferred_batch_size: [ 4, 5 ] } ${AUTO}`);
    expect((await planWarmUp(spec, folderWith(), ORIGIN)).map((run) => run.rows)).toEqual([1, 4]);
  });
});

/** Y = X. */
function sameModel(type: OnnxType, dims: readonly OnnxDim[]): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'X', type, dims }],
    outputs: [{ name: 'Y', type, dims }],
    nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }],
  });
}

/** Y[batch,1] = a row of a table of 4 at X[batch,1], INT32. */
function lookUpModel(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'X', type: 'INT32', dims: ['batch', 1] }],
    outputs: [{ name: 'Y', type: 'INT32', dims: ['batch', 1] }],
    initializers: [{ name: 'T', type: 'INT32', dims: [4], data: bytesOf([0, 1, 2, 3]) }],
    nodes: [{ op: 'Gather', inputs: ['T', 'X'], outputs: ['Y'] }],
  });
}
