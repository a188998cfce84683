import { Buffer } from 'node:buffer';
import { attributeOf } from './attributes.js';
import { floatScalar, floatsTensor, tensorOf } from './build.js';
import { DataType } from './data-type.js';
import { NO_BYTES, type OnnxInt, type OnnxNode, type OnnxTensor } from './model.js';
import { elementsOf, renamedTensor } from './tensor.js';
import { intsOf } from './tensor-values.js';

/** What ConstantOfShape may make here; larger ones are better left to the runtime. */
const FILLED_BYTES_MAX = 1 << 20;

/**
 * The tensor that a Constant or ConstantOfShape node makes, called like its output; null for other nodes, and
 * where the shape is no constant. `constant` gives the constant of an input's name.
 */
export function constantOfNode(
  node: OnnxNode,
  constant: (name: string) => OnnxTensor | null,
): OnnxTensor | null {
  if (node.domain !== '') return null;
  if (node.opType === 'Constant') return constantTensor(node);
  if (node.opType !== 'ConstantOfShape') return null;
  const shape = constant(node.inputs[0] ?? '');
  return shape === null || shape.dataType !== DataType.int64 ? null : filledTensor(node, intsOf(shape));
}

function constantTensor(node: OnnxNode): OnnxTensor | null {
  const name = node.outputs[0] ?? '';
  for (const attribute of node.attributes) {
    switch (attribute.type) {
      case 'tensor':
        return renamedTensor(attribute.value, name);
      case 'float':
        return floatScalar(name, attribute.value);
      case 'floats':
        return floatsTensor(name, attribute.value);
      case 'int':
        return int64Tensor(name, [], [attribute.value]);
      case 'ints':
        return int64Tensor(name, [attribute.value.length], attribute.value);
      case 'string':
        return stringTensor(name, [], [attribute.value]);
      case 'strings':
        return stringTensor(name, [attribute.value.length], attribute.value);
      default:
    }
  }
  return null;
}

/** A tensor of `dims` whose elements are all the node's `value`, 0 as FLOAT by default. */
function filledTensor(node: OnnxNode, dims: readonly number[]): OnnxTensor | null {
  const attribute = attributeOf(node, 'value');
  const value = attribute?.type === 'tensor' ? attribute.value : floatScalar('', 0);
  const bytes = elementsOf(dims) * value.data.length;
  if (dims.some((dim) => dim < 0) || bytes > FILLED_BYTES_MAX || elementsOf(value.dims) !== 1) return null;
  const name = node.outputs[0] ?? '';
  return tensorOf(name, value.dataType, dims, Buffer.alloc(bytes, value.data));
}

function int64Tensor(name: string, dims: readonly number[], values: readonly OnnxInt[]): OnnxTensor {
  return tensorOf(name, DataType.int64, dims, BigInt64Array.from(values, BigInt));
}

function stringTensor(name: string, dims: readonly number[], strings: readonly Uint8Array[]): OnnxTensor {
  return { name, dataType: DataType.string, dims, data: NO_BYTES, strings, rest: NO_BYTES };
}
