import { InferenceSession } from 'onnxruntime-node';
import { valueInfoOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import { encodeModel } from '../../onnx/encode-model.js';
import {
  NO_BYTES,
  type OnnxGraph,
  type OnnxModel,
  type OnnxTensor,
  type OnnxValueInfo,
} from '../../onnx/model.js';
import { elementsOf } from '../../onnx/tensor.js';
import type { MethodContext } from '../method.js';

type Facts = MethodContext['facts'];

/** What onnxruntime-node calls the element types that it can carry. */
const NATIVE_TYPES: Readonly<Record<string, number>> = {
  float32: DataType.float,
  uint8: DataType.uint8,
  int8: DataType.int8,
  uint16: DataType.uint16,
  int16: DataType.int16,
  int32: DataType.int32,
  int64: DataType.int64,
  string: DataType.string,
  bool: DataType.bool,
  float16: DataType.float16,
  float64: DataType.double,
  uint32: DataType.uint32,
  uint64: DataType.uint64,
};

/** No shape follows from so many floats: those that one does follow from are scales and steps. */
const WEIGHT_ELEMENTS_MIN = 1024;

/** Types of weights that a caller may give. */
const WEIGHT_TYPES: readonly number[] = [DataType.float, DataType.float16, DataType.double];

/**
 * Element type and shape of every tensor that nodes of the graph make, and of its inputs, as ONNX Runtime infers
 * them; of a model with types that its binding can't carry only what the file says. Loads the model once, without
 * its weights, which may be larger than memory.
 * Throws what ONNX Runtime says of a model that it can't load.
 */
export async function shapeFacts(model: OnnxModel): Promise<Facts> {
  const { graph } = model;
  const said = [...graph.inputs, ...graph.valueInfos, ...graph.outputs];
  const facts = new Map(said.flatMap((info) => factOf(info)));
  const names = new Set(graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== '')));
  try {
    const session = await InferenceSession.create(encodeModel(withoutWeights(withOutputs(model, names))), {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 3,
      extra: { session: { disable_prepacking: '1' } },
    });
    for (const value of session.outputMetadata) {
      const elemType = value.isTensor ? NATIVE_TYPES[value.type] : undefined;
      if (elemType === undefined || !value.isTensor) continue;
      facts.set(value.name, { elemType, shape: value.shape.map(sizeOf) });
    }
    await session.release();
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('Unsupported data type'))) throw error;
  }
  return facts;
}

/** The model with `names` as its outputs in place of its own; ONNX Runtime infers their types. */
export function withOutputs(model: OnnxModel, names: Iterable<string>): OnnxModel {
  const outputs = Array.from(names, (name): OnnxValueInfo => {
    return { name, elemType: 0, shape: null, otherType: null, typeNotes: null, rest: NO_BYTES };
  });
  return { ...model, graph: { ...model.graph, outputs } satisfies OnnxGraph };
}

/** The model with inputs in place of its weights. */
function withoutWeights(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const given = new Set(graph.inputs.map(({ name }) => name));
  const weights = graph.initializers.filter(isWeight);
  const added = weights
    .filter(({ name }) => !given.has(name))
    .map(({ name, dataType, dims }) => valueInfoOf(name, dataType, dims));
  const initializers = graph.initializers.filter((tensor) => !isWeight(tensor));
  return { ...model, graph: { ...graph, initializers, inputs: [...graph.inputs, ...added] } };
}

function isWeight({ dataType, dims }: OnnxTensor): boolean {
  return WEIGHT_TYPES.includes(dataType) && elementsOf(dims) >= WEIGHT_ELEMENTS_MIN;
}

function factOf({ name, elemType, shape }: OnnxValueInfo): [string, { elemType: number; shape: number[] }][] {
  if (elemType === DataType.undefined || shape === null) return [];
  return [[name, { elemType, shape: shape.map(sizeOf) }]];
}

function sizeOf(dim: number | string | null): number {
  return typeof dim === 'number' && dim >= 0 ? dim : -1;
}
