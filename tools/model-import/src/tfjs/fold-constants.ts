import type { GraphModel, GraphNode } from './graph-model.ts';
import { elementCount, type Tensor } from './weights.ts';

/**
 * Computes the shapes that some exporters leave to run time (a sum of constants, a sparse tensor made dense).
 * They must be known here, because a shape with the batch size in it is made dynamic by the conversion.
 */
export function foldConstants(model: GraphModel): GraphModel {
  const constants = new Map(model.constants);
  // Nodes come in an order in which a node may stand before its inputs, hence rounds until nothing is left to fold.
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of model.nodes.values()) {
      const folded = constants.has(node.name) ? undefined : fold(node, constants);
      if (folded === undefined) continue;
      constants.set(node.name, folded);
      changed = true;
    }
  }
  return { nodes: model.nodes, constants };
}

function fold(node: GraphNode, constants: ReadonlyMap<string, Tensor>): Tensor | undefined {
  const inputs = node.inputs.flatMap((name) => constants.get(name) ?? []);
  if (inputs.length !== node.inputs.length) return undefined;
  if (node.op === 'AddV2') return add(inputs[0], inputs[1]);
  if (node.op === 'SparseToDense') return sparseToDense(inputs[0], inputs[1], inputs[2], inputs[3]);
  return undefined;
}

function add(a: Tensor, b: Tensor): Tensor {
  if (a.data.length !== b.data.length) throw new Error('only constants of the same shape can be added');
  return { shape: a.shape, data: a.data.map((value, index) => value + b.data[index]) };
}

function sparseToDense(indices: Tensor, shape: Tensor, values: Tensor, fill: Tensor): Tensor {
  const sizes = Array.from(shape.data);
  if (sizes.length !== 1) throw new Error('only sparse vectors can be folded');
  const data = new Int32Array(elementCount(sizes)).fill(fill.data[0]);
  indices.data.forEach((position, index) => {
    data[position] = values.data[values.data.length === 1 ? 0 : index];
  });
  return { shape: sizes, data };
}
