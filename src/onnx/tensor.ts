import { bytesOf, DataType, dataTypeName } from './data-type.js';
import type { OnnxTensor } from './model.js';
import { OnnxError } from './onnx-error.js';

/** Elements of a tensor of these dimensions. */
export function elementsOf(dims: readonly number[]): number {
  return dims.includes(0) ? 0 : dims.reduce((product, dim) => product * dim, 1);
}

/** A tensor in an error text. */
export function tensorText({ name, dataType, dims }: Pick<OnnxTensor, 'name' | 'dataType' | 'dims'>): string {
  return `tensor '${name}' (${dataTypeName(dataType)} [${dims.join(', ')}])`;
}

/** Throws OnnxError unless there are as many elements as dimensions and type promise. */
export function checkTensor(tensor: OnnxTensor, data: Uint8Array): void {
  const elements = elementsOf(tensor.dims);
  if (tensor.dataType === DataType.string) {
    if (tensor.strings.length !== elements) {
      throw new OnnxError(`${tensorText(tensor)} has ${tensor.strings.length} strings`);
    }
    return;
  }
  const expected = tensor.dataType === DataType.undefined ? null : bytesOf(tensor.dataType, elements);
  if (expected !== null && data.length !== expected) {
    throw new OnnxError(`${tensorText(tensor)} has ${data.length} bytes, not ${expected}`);
  }
}

/** The same tensor under another name; elements in another file stay there until they are asked for. */
export function renamedTensor(tensor: OnnxTensor, name: string): OnnxTensor {
  const { dataType, dims, strings, rest } = tensor;
  return {
    name,
    dataType,
    dims,
    strings,
    rest,
    get data() {
      return tensor.data;
    },
  };
}
