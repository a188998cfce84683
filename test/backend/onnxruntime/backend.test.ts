import { afterAll, describe, expect, it } from 'vitest';
import { onnxruntimeBackend } from '#naiad/backend/onnxruntime/backend.js';
import {
  instanceOptions,
  int32Tensor,
  int32Values,
  removeModel,
  writeModel,
} from '../../support/instances.js';
import { addSub, identityModel, onnxModel } from '../../support/onnx.js';

const files: string[] = [];
afterAll(() => files.forEach(removeModel));

function load(bytes: Uint8Array, parameters: Readonly<Record<string, string>> = {}) {
  const modelFile = writeModel(bytes);
  files.push(modelFile);
  return onnxruntimeBackend.load(instanceOptions({ modelFile, parameters }));
}

async function reasonOf(loading: Promise<unknown>): Promise<string> {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : 'it loaded';
}

describe('the description of a model', () => {
  it('has the datatypes of the protocol and -1 where a dimension is symbolic', async () => {
    const { description } = await load(addSub(['batch', '', 4], 'FP16'));
    const shape = [-1, -1, 4];
    expect(description).toEqual({
      inputs: ['INPUT0', 'INPUT1'].map((name) => ({ name, datatype: 'FP16', nativeType: 'float16', shape })),
      outputs: ['OUTPUT0', 'OUTPUT1'].map((name) => ({
        name,
        datatype: 'FP16',
        nativeType: 'float16',
        shape,
      })),
    });
  });

  it('keeps a scalar without dimensions', async () => {
    const { description } = await load(identityModel('BYTES', []));
    expect(description?.inputs).toEqual([
      { name: 'INPUT0', datatype: 'BYTES', nativeType: 'string', shape: [] },
    ]);
  });

  it('shows what is no tensor without a datatype', async () => {
    const value = { type: 'FP32', dims: ['n'], sequence: true } as const;
    const { description } = await load(
      onnxModel({
        inputs: [{ name: 'a', ...value }],
        outputs: [{ name: 'b', ...value }],
        nodes: [{ op: 'Identity', inputs: ['a'], outputs: ['b'] }],
      }),
    );
    expect(description?.outputs).toEqual([
      { name: 'b', datatype: null, nativeType: 'sequence, map or optional', shape: [] },
    ]);
  });
});

describe('a load that fails', () => {
  it('names the file that is not there', async () => {
    const loading = onnxruntimeBackend.load(instanceOptions({ modelFile: '/nowhere/model.onnx' }));
    expect(await reasonOf(loading)).toBe(
      "onnx runtime error 3: Load model from /nowhere/model.onnx failed:Load model /nowhere/model.onnx failed. File doesn't exist",
    );
  });

  it.each([
    ['text', new TextEncoder().encode('not a model'), /^onnx runtime error 7: .*Protobuf parsing failed\.$/],
    ['nothing', new Uint8Array(0), /^onnx runtime error 1: .* failed:ModelProto does not have a graph\.$/],
    [
      'an operator that does not exist',
      onnxModel({
        inputs: [{ name: 'x', type: 'FP32', dims: [1] }],
        outputs: [{ name: 'y', type: 'FP32', dims: [1] }],
        nodes: [{ op: 'Frobnicate', inputs: ['x'], outputs: ['y'] }],
      }),
      /^onnx runtime error 10: .*Frobnicate/,
    ],
    [
      'bfloat16 at its border',
      identityModel('BF16'),
      /has the type bfloat16, which onnxruntime-node can't carry/,
    ],
  ])('says in one line what is wrong with %s', async (_, bytes, pattern) => {
    const reason = await reasonOf(load(bytes));
    expect(reason).toMatch(pattern);
    expect(reason).not.toMatch(/\n|onnxruntime_src/);
  });

  it('passes on why a GPU can not be used', async () => {
    const modelFile = writeModel(addSub());
    files.push(modelFile);
    const options = instanceOptions({ modelFile, device: { kind: 'gpu', id: 99 } });
    expect(await reasonOf(onnxruntimeBackend.load(options))).toMatch(/^onnx runtime error \d+: .*cuda/i);
  });

  it('refuses parameters before it opens the model', async () => {
    expect(await reasonOf(load(addSub(), { execution_mode: 'fast' }))).toContain(
      "parameter 'execution_mode'",
    );
  });
});

describe('a run', () => {
  const inputs = [int32Tensor('INPUT0', [5, 6], 2), int32Tensor('INPUT1', [1, 2], 2)];

  it('gives the wanted outputs in the wanted order', async () => {
    const instance = await load(addSub(['batch', 2]));
    const both = await instance.run({ inputs, outputs: ['OUTPUT1', 'OUTPUT0'] });
    expect(both.outputs.map((output) => [output.name, output.shape, int32Values(output)])).toEqual([
      ['OUTPUT1', [1, 2], [4, 4]],
      ['OUTPUT0', [1, 2], [6, 8]],
    ]);
    const one = await instance.run({ inputs: inputs.toReversed(), outputs: ['OUTPUT0'] });
    expect(one.outputs.map(({ name }) => name)).toEqual(['OUTPUT0']);
    expect((await instance.run({ inputs, outputs: [] })).outputs).toEqual([]);
  });

  it('marks its stages in order', async () => {
    const instance = await load(addSub(['batch', 2]));
    const { marks } = await instance.run({ inputs, outputs: ['OUTPUT0'] });
    const stages = [marks.start, marks.inputEnd, marks.outputStart, marks.end];
    expect(stages).toEqual(stages.toSorted((a, b) => a - b));
  });

  it('reads inputs at any place in a buffer', async () => {
    const instance = await load(addSub(['batch', 2]));
    const moved = inputs.map((input, index) => {
      const holder = new Uint8Array(16);
      holder.set(input.data, index + 1);
      return { ...input, data: holder.subarray(index + 1, index + 1 + input.data.length) };
    });
    const { outputs } = await instance.run({ inputs: moved, outputs: ['OUTPUT0'] });
    expect(outputs.map(int32Values)).toEqual([[6, 8]]);
  });

  it('works with the options of a configuration', async () => {
    const instance = await load(addSub(['batch', 2]), {
      intra_op_thread_count: '2',
      inter_op_thread_count: '2',
      execution_mode: '1',
      enable_mem_arena: '0',
      enable_mem_pattern: '0',
      'session.set_denormal_as_zero': '1',
    });
    const { outputs } = await instance.run({ inputs, outputs: ['OUTPUT0'] });
    expect(outputs.map(int32Values)).toEqual([[6, 8]]);
    await instance.release();
  });

  it('fails after the release rather than taking the process along', async () => {
    const instance = await load(addSub(['batch', 2]));
    await instance.release();
    await expect(instance.run({ inputs, outputs: ['OUTPUT0'] })).rejects.toThrow('onnx runtime error');
  });
});
