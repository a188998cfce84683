import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ModelDescription } from '#naiad/model-config/description.js';
import { FindingsError, formatFinding } from '#naiad/model-config/findings.js';
import type { SourceOptions } from '#naiad/repository/chosen-config.js';
import {
  type CompleteOptions,
  completeModel,
  findModelFile,
  type ModelSource,
  readModelSource,
  UnloadableError,
} from '#naiad/repository/model-source.js';
import { scanRepository } from '#naiad/repository/scan.js';
import { type Files, TestRepository } from '../support/repository.js';

let repository: TestRepository | undefined;
afterEach(() => repository?.remove());

const ADD_SUB = `name: "m"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [ { name: "INPUT0" data_type: TYPE_INT32 dims: 16 },
        { name: "INPUT1" data_type: TYPE_INT32 dims: 16 } ]
output { name: "OUTPUT0" data_type: TYPE_INT32 dims: 16 }
`;

const tensor = (name: string) => ({ name, datatype: 'INT32' as const, nativeType: 'int32', shape: [-1, 16] });
const DESCRIPTION: ModelDescription = {
  inputs: [tensor('INPUT0'), tensor('INPUT1')],
  outputs: [tensor('OUTPUT0'), tensor('OUTPUT1')],
};

async function source(files: Files): Promise<ModelSource> {
  repository = new TestRepository(files);
  const [folder] = await scanRepository(repository.directory);
  if (folder === undefined) throw new Error('no model');
  return readModelSource(folder);
}

const withConfig = (config: string, files: Files = { 'm/1/model.onnx': '' }): Promise<ModelSource> =>
  source({ 'm/config.pbtxt': config, ...files });

const complete = (from: ModelSource, options: Partial<CompleteOptions> = {}) =>
  completeModel(from, {
    description: DESCRIPTION,
    instanceCount: () => 1,
    autoComplete: true,
    gpuAvailable: false,
    ...options,
  });

/** RecordedLog of the findings that a promise is rejected with. */
async function findings(promise: Promise<unknown>): Promise<string[]> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FindingsError)) throw new Error(`expected findings, got ${error}`);
  return error.findings.map((finding) => `${finding.severity} ${formatFinding(finding)}`);
}

describe('reading a model', () => {
  it('takes name, backend and file from where it lies', async () => {
    const read = await source({ 'm/1/model.onnx': '', 'm/2/model.onnx': '' });
    expect(read.config).toMatchObject({
      name: 'm',
      backend: 'onnxruntime',
      platform: 'onnxruntime_onnx',
      default_model_filename: 'model.onnx',
    });
    expect(read.versions).toEqual([2]);
    expect(read.warnings).toEqual([]);
  });

  it.each(['config.json', 'config.yaml'])('reads %s', async (file) => {
    const read = await source({ [`m/${file}`]: '{"max_batch_size": 5}', 'm/1/model.onnx': '' });
    expect(read.config.max_batch_size).toBe(5);
  });

  it('serves the versions of the policy and warns about the others', async () => {
    const policy = 'version_policy { specific {\n versions: [ 1, 7 ] } }';
    const read = await withConfig(policy, {
      'm/1/model.onnx': '',
      'm/2/model.onnx': '',
      'm/03/model.onnx': '',
    });
    expect(read.versions).toEqual([1]);
    expect(read.warnings.map(formatFinding)).toEqual([
      "version folder '03' is ignored: its name has leading zeros",
      'config.pbtxt:2: version 7 is specified by the version policy, but there is no such version folder',
    ]);
  });

  it('tells all that is wrong at once, with lines', async () => {
    const config = `name: "other"
backend: "onnx"
max_batch_size: -1
sequence_batching { }
response_cache { enable: true }
`;
    expect(await findings(withConfig(config, { 'm/notes/x': '' }))).toEqual([
      "warning folder 'notes' is ignored: versions are whole numbers",
      "error config.pbtxt:1: unexpected directory name 'm' for model 'other', directory name must equal model name",
      "error config.pbtxt:2: unable to find backend library for backend 'onnx', try specifying runtime on the model configuration. (supported backends are onnxruntime, identity, repeat)",
      "error config.pbtxt:4: sequence_batching is not supported yet, model 'other' needs it",
      'warning config.pbtxt:5: response_cache is not supported yet and ignored: answers are not cached',
      "error config.pbtxt:3: 'max_batch_size' must be non-negative value for other",
      'error config.pbtxt:5: Response Cache does not currently support model other with sequence batching scheduler. Please disable the response cache.',
      "error at least one version must be available under the version policy of model 'm', its folder has no version folder like 1/",
    ]);
  });

  it.each([
    ['backend: "onnx"', [1]],
    ['parameters { key: "intra_op_thread_count" value { string_value: "many" } }', [1]],
    ['optimization { execution_accelerators { cpu_execution_accelerator { name: "nosuch" } } }', [1]],
    ['version_policy { specific { versions: 7 } }', []],
    ['backend: "onnx" version_policy { specific { versions: 7 } }', []],
  ])('tells what Triton leaves to the load as a load that can not be: %s', async (config, versions) => {
    const read = withConfig(config);
    await expect(read).rejects.toBeInstanceOf(UnloadableError);
    await expect(read).rejects.toMatchObject({ versions });
  });

  it.each([
    'backend: "onnx" max_batch_size: -1',
    'platform: "onnxruntime_onnx" backend: "python"',
    'parameters { key: "reload.policy" value { string_value: "none" } }',
    'sequence_batching { } version_policy { specific { versions: 7 } }',
  ])('tells other mistakes as such: %s', async (config) => {
    const read = withConfig(config);
    await expect(read).rejects.toBeInstanceOf(FindingsError);
    await expect(read).rejects.not.toBeInstanceOf(UnloadableError);
  });

  it.runIf(process.platform === 'linux')('leaves open what can not be read just now', async () => {
    // Reading its first page is an EIO.
    const folder = { name: 'self', repository: '/proc', directory: '/proc/self', versions: [], findings: [] };
    const reading = readModelSource({ ...folder, configFile: { path: 'mem', kind: 'pbtxt' } });
    await expect(reading).rejects.toThrow(/^mem: can't read the configuration: EIO/);
    await expect(reading).rejects.not.toBeInstanceOf(FindingsError);
  });

  it('stops at a configuration that can not be read', async () => {
    expect(await findings(withConfig('max_batch_size: 8\nnam: "m"'))).toEqual([
      expect.stringMatching(/^error config\.pbtxt:2: unknown field 'nam'/),
    ]);
    expect(await findings(source({ 'm/config.pbtxt': new Uint8Array([0xff, 0xfe, 0]) }))).toEqual([
      "error config.pbtxt: can't read the configuration: it is not UTF-8 text",
    ]);
    expect(await findings(source({ 'm/config.json': '{}', 'm/config.pbtxt': '' }))).toEqual([
      'error several configuration files: config.pbtxt, config.json; keep one',
    ]);
  });

  it('has nothing to serve when the policy names versions in vain', async () => {
    const [warning, error] = await findings(withConfig('version_policy { specific { versions: 7 } }'));
    expect(warning).toContain('version 7');
    expect(error).toBe(
      "error config.pbtxt:1: at least one version must be available under the version policy of model 'm'",
    );
  });

  it('has errors in the text of its error, and only these', async () => {
    const promise = withConfig('max_batch_size: -1 response_cache { enable: true }');
    await expect(promise).rejects.toThrow(
      /^config\.pbtxt:1: 'max_batch_size' must be non-negative value for m$/,
    );
  });
});

describe('a configuration of choice', () => {
  const FILES: Files = {
    'm/config.pbtxt': 'max_batch_size: 1',
    'm/configs/fast.pbtxt': 'max_batch_size: 2',
    'm/configs/bad.pbtxt': '\nmax_batch_size: -2',
    'm/1/model.onnx': '',
  };

  async function read(options: SourceOptions, files: Files = FILES): Promise<ModelSource> {
    const { folder } = await source(files);
    return readModelSource(folder, options);
  }

  it.each<[SourceOptions, number]>([
    [{}, 1],
    [{ configName: '' }, 1],
    [{ configName: 'fast' }, 2],
    [{ configName: 'gone' }, 1],
    [{ override: '{"max_batch_size": "3"}' }, 3],
    [{ override: '{}', configName: 'fast' }, 0],
  ])('is the one that %j names', async (options, size) => {
    expect((await read(options)).config.max_batch_size).toBe(size);
  });

  it('may be the only one', async () => {
    const files: Files = { 'm/configs/fast.pbtxt': 'max_batch_size: 2', 'm/1/model.onnx': '' };
    expect((await read({ configName: 'fast' }, files)).config.max_batch_size).toBe(2);
  });

  it('is named where something is wrong with it', async () => {
    expect(await findings(read({ configName: 'bad' }))).toEqual([
      "error configs/bad.pbtxt:2: 'max_batch_size' must be non-negative value for m",
    ]);
    expect(await findings(read({ override: '{"max_batch_size": -3}' }))).toEqual([
      "error config override:1: 'max_batch_size' must be non-negative value for m",
    ]);
    const taken = await read({ override: '{"output": [{"name": "Y", "label_filename": "gone.txt"}]}' });
    expect(await findings(complete(taken))).toContainEqual(
      expect.stringMatching(/^error config override:1: .*gone\.txt/),
    );
  });

  it.each([
    ['{', 'failed to read JSON: '],
    ['[]', 'the configuration must hold fields, got '],
    ['{"max_batch": 1}', "unknown field 'max_batch'"],
    ['{"max_batch_size": "x"}', 'max_batch_size: '],
  ])('has the text of Triton when %s can not be read', async (override, reason) => {
    const [error, ...others] = await findings(read({ override }));
    expect(others).toEqual([]);
    expect(error?.startsWith(`error Invalid config override: ${reason}`)).toBe(true);
  });
});

describe('the model file', () => {
  it('is the one that the configuration names', async () => {
    const read = await withConfig('backend: "onnxruntime" default_model_filename: "net.onnx"', {
      'm/1/net.onnx': '',
    });
    expect(await findModelFile(read, 1)).toBe(join(read.folder.directory, '1/net.onnx'));
  });

  it('may lie in a folder of its name', async () => {
    const read = await source({ 'm/1/model.onnx/model.onnx': '', 'm/1/model.onnx/weights': '' });
    expect(await findModelFile(read, 1)).toBe(join(read.folder.directory, '1/model.onnx/model.onnx'));
  });

  it('is missed in words that tell what is there', async () => {
    const read = await withConfig('backend: "onnxruntime"', { 'm/1/other.onnx': '', 'm/1/a': '' });
    const path = join(read.folder.directory, '1/model.onnx');
    expect(await findings(findModelFile(read, 1))).toEqual([
      `error failed to stat file ${path}: version folder 1 lacks 'model.onnx', it holds a, other.onnx`,
    ]);
  });

  it('is missed where the user knows it, in the repository', async () => {
    const read = await withConfig('backend: "onnxruntime"', { 'm/1/a': '' });
    const [version] = read.folder.versions;
    if (version === undefined) throw new Error('no version');
    const folder = { ...read.folder, versions: [{ ...version, directory: '/cache/tree' }] };
    const path = join(read.folder.directory, '1/model.onnx');
    expect(await findings(findModelFile({ ...read, folder }, 1))).toEqual([
      `error failed to stat file ${path}: version folder 1 lacks 'model.onnx', it holds a`,
    ]);
  });

  it('is not asked for by backends without one', async () => {
    const read = await withConfig('backend: "identity"', { 'm/1/.keep': '' });
    await expect(findModelFile(read, 1)).resolves.toContain('1');
  });
});

describe('completing a model', () => {
  it('compiles a configuration that says everything', async () => {
    const config = `${ADD_SUB}instance_group { count: 3 }`;
    const { spec, warnings } = await complete(await withConfig(config), { instanceCount: () => 3 });
    expect(warnings).toEqual([]);
    expect(spec).toMatchObject({
      name: 'm',
      maxBatchSize: 8,
      inputs: [{ name: 'INPUT0' }, { name: 'INPUT1' }],
      outputs: [{ name: 'OUTPUT0' }],
      scheduling: { kind: 'direct' },
      instanceGroups: [{ name: 'm_0', kind: 'KIND_CPU', count: 3 }],
    });
    expect(spec.config.version_policy).toEqual({ latest: { num_versions: 1 } });
  });

  it('completes one that says nothing, unless it must not', async () => {
    const read = await source({ 'm/1/model.onnx': '' });
    const { spec } = await complete(read);
    expect(spec).toMatchObject({
      maxBatchSize: 4,
      scheduling: { kind: 'dynamic', preferredBatchSizes: [4] },
    });
    expect(spec.outputs.map(({ name }) => name)).toEqual(['OUTPUT0', 'OUTPUT1']);
    expect(await findings(complete(read, { autoComplete: false }))).toEqual([
      "error must specify at least one 'input' for m",
      "error must specify at least one 'output' for m",
      "error config: unable to load model 'm', configuration expects 0 inputs, model provides 2".replace(
        'config: ',
        '',
      ),
      "error input 'INPUT0' of the model is missing",
      "error input 'INPUT1' of the model is missing",
    ]);
  });

  it('needs everything from the configuration of a backend without description', async () => {
    const read = await withConfig('backend: "identity" input { name: "X" data_type: TYPE_BOOL dims: 1 }');
    expect(await findings(complete(read, { description: null }))).toEqual([
      "error must specify at least one 'output' for m",
    ]);
  });

  it('tells all contradictions at once, with lines', async () => {
    const config = ADD_SUB.replace('"INPUT1" data_type: TYPE_INT32', '"INPUT1" data_type: TYPE_FP32')
      .replace('dims: 16', 'dims: 15')
      .replace('output {', 'output { label_filename: "gone.txt"');
    const image = 'parameters { key: "image.mean" value { string_value: "1" } }';
    expect(
      await findings(complete(await withConfig(`${config}instance_group { kind: KIND_GPU }\n${image}`))),
    ).toEqual([
      'error config.pbtxt:7: instance group m_0 of model m has kind KIND_GPU but no GPUs are available',
      "error config.pbtxt:4: model 'm', tensor 'INPUT0': the model expects 2 dimensions (shape [-1,16]) but the model configuration specifies 2 dimensions (an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape [-1,15])",
      "error config.pbtxt:5: unable to load model 'm', configuration expects datatype TYPE_FP32 for input 'INPUT1', model provides TYPE_INT32",
      expect.stringMatching(
        /^error config.pbtxt:6: failed to open text file for read \/.*\/m\/gone.txt: No such file or directory/,
      ),
      "error config.pbtxt:8: parameter 'image.mean': no input takes pictures: 'INPUT0' needs format FORMAT_NHWC or FORMAT_NCHW; 'INPUT1' needs format FORMAT_NHWC or FORMAT_NCHW",
    ]);
  });

  it('says of a tensor that is wrong in itself just that', async () => {
    const config = ADD_SUB.replace('dims: 16', 'dims: 0');
    expect(await findings(complete(await withConfig(config)))).toEqual([
      "error config.pbtxt:4: model input 'INPUT0' dimension must be integer >= 1, or -1 to indicate a variable-size dimension for m",
    ]);
  });

  it('stops when the model can not be completed', async () => {
    const fixed = { inputs: [{ ...tensor('X'), shape: [4] }], outputs: [{ ...tensor('Y'), shape: [4] }] };
    expect(await findings(complete(await withConfig('max_batch_size: 8'), { description: fixed }))).toEqual([
      "error config.pbtxt:1: autofill failed for model 'm': model does not support batching while non-zero max_batch_size is specified",
    ]);
  });

  it('brings labels and pictures along', async () => {
    const config = `input { name: "X" format: FORMAT_NHWC }
output { name: "Y" label_filename: "labels.txt" }
parameters { key: "image.resize" value { string_value: "cover" } }`;
    const description: ModelDescription = {
      inputs: [{ name: 'X', datatype: 'UINT8', nativeType: 'uint8', shape: [-1, 8, 9, 3] }],
      outputs: [{ name: 'Y', datatype: 'FP32', nativeType: 'float32', shape: [-1, 2] }],
    };
    const read = await withConfig(config, { 'm/1/model.onnx': '', 'm/labels.txt': 'cat\ndog\n' });
    const { spec } = await complete(read, { description });
    expect(spec.inputs).toMatchObject([
      { datatype: 'UINT8', dims: [8, 9, 3], image: { height: 8, width: 9, layout: 'NHWC', resize: 'cover' } },
    ]);
    expect(spec.outputs).toMatchObject([{ dims: [2], labels: ['cat', 'dog'] }]);
    expect(spec.maxBatchSize).toBe(4);
  });

  it('serves a model without its hidden optional input, and warns', async () => {
    const config = `${ADD_SUB}input { name: "bias" data_type: TYPE_INT32 dims: 16 optional: true }`;
    const { spec, warnings } = await complete(await withConfig(config));
    expect(spec.inputs.map(({ name }) => name)).toEqual(['INPUT0', 'INPUT1']);
    expect(warnings.map(formatFinding)).toEqual([
      expect.stringMatching(/^config\.pbtxt:7: optional input 'bias' is left out/),
    ]);
  });
});
