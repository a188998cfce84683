import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { tensorOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import { putInitializers, removeDead, replaceNodes } from '../../onnx/edit-graph.js';
import { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { UniqueNames } from '../../onnx/unique-names.js';
import { finiteFloats } from './layer-writer.js';

/** Per channel: what goes in is multiplied by `factor`, then `shift` is added. */
interface Normalisation {
  readonly factors: Float32Array;
  readonly shifts: Float32Array;
}

/**
 * The model with each BatchNormalization that only rescales what a convolution gives merged into the weights and
 * bias of that convolution; their values keep the name of the normalised result. Others stay.
 */
export function foldBatchNorms(model: OnnxModel): OnnxModel {
  const view = new GraphView(model);
  const names = new UniqueNames(model);
  const tensors: OnnxTensor[] = [];
  const replaced = new Map<OnnxNode, readonly OnnxNode[]>();
  for (const node of model.graph.nodes) {
    if (node.opType !== 'Conv' || node.domain !== '') continue;
    const norm = view.onlyConsumerOf(node.outputs[0] ?? '');
    const normalisation = norm === null ? null : normalisationOf(norm, node, view);
    const weight = view.constantOf(node.inputs[1] ?? '');
    const bias = view.constantOf(node.inputs[2] ?? '');
    if (norm === null || normalisation === null || weight?.dataType !== DataType.float) continue;
    if (weight.dims[0] !== normalisation.factors.length || ((node.inputs[2] ?? '') !== '' && bias === null)) {
      continue;
    }
    const folded = foldInto(weight, bias, normalisation);
    const [weightName, biasName] = [names.take(`${weight.name}_folded`), names.take(`${norm.name}_bias`)];
    tensors.push(
      tensorOf(weightName, DataType.float, weight.dims, folded.weight),
      tensorOf(biasName, DataType.float, [folded.bias.length], folded.bias),
    );
    const [input = ''] = node.inputs;
    replaced.set(node, [
      { ...node, inputs: [input, weightName, biasName], outputs: norm.outputs.slice(0, 1) },
    ]);
    replaced.set(norm, []);
  }
  if (replaced.size === 0) return model;
  return { ...model, graph: removeDead(putInitializers(replaceNodes(model.graph, replaced), tensors)) };
}

/** What `norm` does with what `conv` gives; null when it is no BatchNormalization with constants. */
function normalisationOf(norm: OnnxNode, conv: OnnxNode, view: GraphView): Normalisation | null {
  if (norm.opType !== 'BatchNormalization' || norm.domain !== '') return null;
  // In training it gives statistics as well.
  if (intAttribute(norm, 'training_mode', 0) !== 0 || norm.outputs.slice(1).some((name) => name !== '')) {
    return null;
  }
  if (norm.inputs[0] !== conv.outputs[0]) return null;
  const constants = norm.inputs.slice(1, 5).map((name) => view.constantOf(name));
  const floats = constants.flatMap((tensor) =>
    tensor?.dataType === DataType.float ? [finiteFloats(tensor)] : [],
  );
  const [scale, shift, mean, variance] = floats;
  if (scale === undefined || shift === undefined || mean === undefined || variance === undefined) return null;
  const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
  const factors = scale.map((each, channel) => each / Math.sqrt((variance[channel] ?? 0) + epsilon));
  const shifts = shift.map((each, channel) => each - (mean[channel] ?? 0) * (factors[channel] ?? 0));
  return { factors, shifts };
}

function foldInto(
  weight: OnnxTensor,
  bias: OnnxTensor | null,
  { factors, shifts }: Normalisation,
): { weight: Float32Array; bias: Float32Array } {
  const weights = finiteFloats(weight);
  const perChannel = weights.length / factors.length;
  const folded = weights.map((each, index) => each * (factors[Math.floor(index / perChannel)] ?? 0));
  const former = bias === null ? new Float32Array(factors.length) : finiteFloats(bias);
  const moved = shifts.map((each, channel) => each + (former[channel] ?? 0) * (factors[channel] ?? 0));
  return { weight: folded, bias: moved };
}
