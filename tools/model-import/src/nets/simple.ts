import { BATCH, GraphBuilder } from '../onnx/graph-builder.ts';

const ELEMENTS = 16;

/** The add/sub model of Triton's own examples, which the clients' sample programs expect under this name. */
export function simple(): Uint8Array {
  const graph = new GraphBuilder('simple', 'OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1');
  const shape = [BATCH, ELEMENTS];
  const operands = [graph.input('INPUT0', 'int32', shape), graph.input('INPUT1', 'int32', shape)];
  graph.output('OUTPUT0', 'int32', shape, graph.op('Add', operands));
  graph.output('OUTPUT1', 'int32', shape, graph.op('Sub', operands));
  return graph.finish();
}
