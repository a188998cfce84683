import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sessionOptions } from '#naiad/backend/onnxruntime/session-options.js';
import { compileModel } from '#naiad/worker/build/compile.js';
import { openSession } from '#naiad/worker/build/ort-session.js';
import { aTensor, instanceOptions, removeModel, writeModel } from '../../support/instances.js';
import { identityModel, matmulModel, onnxModel } from '../../support/onnx.js';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function aModel(bytes: Uint8Array): string {
  const file = writeModel(bytes);
  cleanups.push(() => removeModel(file));
  return file;
}

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-compiled-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

const compile = (modelFile: string, directory: string, shapes = new Map<string, number[]>()) =>
  compileModel({ options: instanceOptions({ modelFile }), directory, shapes });

describe('compileModel', () => {
  it('writes a form that answers the same, its weights beside it', async () => {
    const modelFile = aModel(matmulModel(64, 64, (row, column) => Math.sin(row * 64 + column), 3));
    const directory = aFolder();
    expect(await compile(modelFile, directory)).toBe('');
    expect(readdirSync(directory).sort()).toEqual(['model.bin', 'model.onnx']);
    const input = aTensor('X', 'FP32', [1, 64], new Uint8Array(256).fill(63));
    const answers = [];
    for (const options of [
      instanceOptions({ modelFile }),
      instanceOptions({ modelFile: join(directory, 'model.onnx'), compiled: true }),
    ]) {
      const session = await openSession(options);
      answers.push(await session.run([input]));
      await session.release();
    }
    expect(answers[0]).toEqual(answers[1]);
  });

  it('takes a model that no random input fits, which the plain form refuses alike', async () => {
    // Neither 0 nor 1 is in the table once the shape asks for more elements than there are.
    const modelFile = aModel(
      onnxModel({
        inputs: [{ name: 'X', type: 'FP32', dims: ['n'] }],
        outputs: [{ name: 'Y', type: 'FP32', dims: [7, 11] }],
        initializers: [
          {
            name: 'shape',
            type: 'INT64',
            dims: [2],
            data: new Uint8Array(new BigInt64Array([7n, 11n]).buffer),
          },
        ],
        nodes: [{ op: 'Reshape', inputs: ['X', 'shape'], outputs: ['Y'] }],
      }),
    );
    expect(await compile(modelFile, aFolder())).toBe('');
  });

  it('refuses a model whose answers change from run to run', async () => {
    const modelFile = aModel(
      onnxModel({
        inputs: [{ name: 'X', type: 'FP32', dims: [4] }],
        outputs: [{ name: 'Y', type: 'FP32', dims: [4] }],
        nodes: [
          // Optimised away, by which the other becomes the first node: it gets another seed then.
          { op: 'Identity', inputs: ['X'], outputs: ['same'] },
          { op: 'RandomNormalLike', inputs: ['same'], outputs: ['Y'] },
        ],
      }),
    );
    expect(await compile(modelFile, aFolder())).toMatch(/change from run to run/);
  });

  it('says what ONNX Runtime says of a model that it can not load', async () => {
    expect(await compile(aModel(Buffer.from('no model')), aFolder())).toMatch(/Protobuf parsing failed/);
  });

  it('says so when the compiled form can not be written', async () => {
    expect(await compile(aModel(identityModel('FP32')), '/nowhere/at/all')).toMatch(/./);
  });
});

describe('an instance of a compiled model', () => {
  it('leaves its graph as it is', () => {
    expect(sessionOptions(instanceOptions({ compiled: true })).graphOptimizationLevel).toBe('disabled');
    expect(sessionOptions(instanceOptions({ compiled: false })).graphOptimizationLevel).toBe('all');
  });
});
