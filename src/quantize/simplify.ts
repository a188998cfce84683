import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { OnnxModel } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { graphsWithin } from '../onnx/subgraphs.js';

/** What ONNX Runtime appends to the name of a MatMul that it joins with the addition behind it. */
const JOINED = /\/MatMulAddFusion\/?$/;

export interface SimplifyOptions {
  /** Whether MatMul with a bias becomes Gemm; true when left out. */
  readonly joined?: boolean;
  /** Absolute path of the folder that the model is written to meanwhile; that of temporary files when left out. */
  readonly folder?: string;
}

/**
 * The model with its constants computed, transpositions moved together, batch normalisations and additions
 * folded into convolutions, and MatMul with a bias as Gemm: what ONNX Runtime does to any model before it fuses
 * operators, written in ONNX's own operators. Nodes keep their names. `source` is the path of a model, or its
 * bytes; up to 2 GiB. Throws what ONNX Runtime says of a model that it can't load.
 */
export async function simplify(
  source: string | Uint8Array,
  { joined = true, folder: parent = tmpdir() }: SimplifyOptions = {},
): Promise<OnnxModel> {
  const folder = await mkdtemp(join(parent, 'naiad-simplify-'));
  try {
    const path = join(folder, 'model.onnx');
    const options: InferenceSession.SessionOptions = {
      graphOptimizationLevel: 'basic',
      optimizedModelFilePath: path,
      logSeverityLevel: 3,
      extra: {
        'session.disable_prepacking': '1',
        ...(!joined && { 'optimization.disable_specified_optimizers': 'MatMulAddFusion' }),
      },
    };
    const session =
      typeof source === 'string'
        ? await InferenceSession.create(source, options)
        : await InferenceSession.create(source, options);
    await session.release();
    return tidy(readModel(path));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Without the sets of operators that ONNX Runtime lists whether they are used or not. */
function tidy(model: OnnxModel): OnnxModel {
  const nodes = [...graphsWithin(model.graph), ...model.functions].flatMap(({ nodes }) => nodes);
  const used = new Set(['', ...nodes.map(({ domain }) => domain)]);
  return {
    ...model,
    opsets: model.opsets.filter(({ domain }) => used.has(domain)),
    graph: {
      ...model.graph,
      nodes: model.graph.nodes.map((node) =>
        JOINED.test(node.name) ? { ...node, name: node.name.replace(JOINED, '') } : node,
      ),
    },
  };
}
