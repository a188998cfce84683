import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import { readModel } from '#naiad/onnx/read-model.js';

/** A FLOAT or INT64 input. */
export interface Feed {
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export type Feeds = Readonly<Record<string, Feed>>;

const QUIET = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;

/** What ONNX Runtime answers, all numbers as floats, by the names of the outputs. */
export async function answersOf(model: OnnxModel, feeds: Feeds): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(encodeModel(model), QUIET);
  try {
    const inputs = Object.entries(feeds).map(([name, { data, dims }]) => {
      const type = data instanceof Float32Array ? 'float32' : 'int64';
      return [name, new Tensor(type, data as Float32Array, dims)] as const;
    });
    const outputs = await session.run(Object.fromEntries(inputs));
    return Object.fromEntries(
      Object.entries(outputs).map(([name, { data }]) => [
        name,
        Float32Array.from(data as Float32Array, Number),
      ]),
    );
  } finally {
    await session.release();
  }
}

/** The answer of a model with one output. */
export async function answerOf(model: OnnxModel, feeds: Feeds): Promise<Float32Array> {
  const [answer] = Object.values(await answersOf(model, feeds));
  if (answer === undefined) throw new Error('the model has no output');
  return answer;
}

/** The graph that ONNX Runtime makes of a model for this machine. */
export async function optimised(model: OnnxModel): Promise<OnnxModel> {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
  try {
    const optimizedModelFilePath = join(folder, 'model.onnx');
    const session = await InferenceSession.create(encodeModel(model), { ...QUIET, optimizedModelFilePath });
    await session.release();
    return readModel(optimizedModelFilePath);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How many nodes of each operator that graph has, by `domain:OpType` or `OpType`. */
export async function kernelsOf(model: OnnxModel): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { domain, opType } of (await optimised(model)).graph.nodes) {
    const name = domain === '' ? opType : `${domain}:${opType}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Cosine of the angle between two answers. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? Number.NaN;
    product += value * other;
    squaresA += value * value;
    squaresB += other * other;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

/** The greatest difference between two answers. */
export function greatestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((greatest, value, index) => Math.max(greatest, Math.abs(value - (b[index] ?? 0))), 0);
}
