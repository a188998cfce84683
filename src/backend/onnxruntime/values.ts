import type { OnnxValue } from 'onnxruntime-node';
import { invariant } from '../../lib/invariant.js';
import type { NamedTensor, Tensor } from '../../tensor/tensor.js';
import { datatypeOf, numericType, type OrtArray } from './datatypes.js';
import { decodeStrings, encodeStrings } from './strings.js';

/**
 * A tensor in the form that ORT's binding reads: a plain object, because `ort.Tensor` checks its data
 * against the global Float16Array of Node >= 24 and would refuse FP16 as bits.
 */
export interface OrtValue {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: OrtArray | string[];
  readonly location: 'cpu';
}

/**
 * The tensor for ORT. Its bytes are not copied unless they lie at an address that the element type does
 * not allow, and must stay as they are until the run ends. Throws Error for a datatype without a form.
 */
export function toOrtValue({ datatype, shape, data }: Tensor): OrtValue {
  if (datatype === 'BYTES') {
    return { type: 'string', dims: shape, data: decodeStrings(data, shape), location: 'cpu' };
  }
  const type = numericType(datatype);
  if (type === undefined) throw new Error(`ONNX Runtime's binding can't carry ${datatype} tensors`);
  const { native, array } = type;
  const aligned = data.byteOffset % array.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  const length = Math.floor(data.byteLength / array.BYTES_PER_ELEMENT);
  return {
    type: native,
    dims: shape,
    data: new array(aligned.buffer, aligned.byteOffset, length),
    location: 'cpu',
  };
}

/** ORT's output as a tensor whose bytes own their ArrayBuffer. Throws Error for types without a form. */
export function fromOrtValue(name: string, value: OnnxValue | undefined): NamedTensor {
  invariant(value !== undefined, `ORT gave no output '${name}'`);
  const datatype = datatypeOf(value.type);
  if (datatype === null)
    throw new Error(`output '${name}' has the type ${value.type}, which is not supported`);
  const data: unknown = value.data;
  return {
    name,
    datatype,
    shape: [...value.dims],
    data: Array.isArray(data) ? encodeStrings(data) : bytesOf(data),
  };
}

function bytesOf(data: unknown): Uint8Array {
  invariant(ArrayBuffer.isView(data), 'ORT gave an output without bytes');
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return bytes.byteLength === data.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
