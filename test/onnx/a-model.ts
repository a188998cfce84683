import { DataType } from '#naiad/onnx/data-type.js';
import {
  NO_BYTES,
  type OnnxDim,
  type OnnxGraph,
  type OnnxModel,
  type OnnxValueInfo,
} from '#naiad/onnx/model.js';

/** A graph without anything unless said otherwise. */
export function aGraph(parts: Partial<OnnxGraph> = {}): OnnxGraph {
  return {
    name: 'graph',
    nodes: [],
    initializers: [],
    sparseInitializers: [],
    inputs: [],
    outputs: [],
    valueInfos: [],
    rest: NO_BYTES,
    ...parts,
  };
}

/** IR version 8, opset 17 unless said otherwise. */
export function aModel(graph: Partial<OnnxGraph> = {}, parts: Partial<OnnxModel> = {}): OnnxModel {
  return {
    irVersion: 8,
    opsets: [{ domain: '', version: 17 }],
    graph: aGraph(graph),
    functions: [],
    metadata: [],
    rest: NO_BYTES,
    ...parts,
  };
}

/** A value of FLOAT, of any rank unless there is a shape. */
export function aValue(name: string, shape: readonly OnnxDim[] | null = null): OnnxValueInfo {
  return { name, elemType: DataType.float, shape, otherType: null, typeNotes: null, rest: NO_BYTES };
}
