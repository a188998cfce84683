import {
  ARRAY_TYPES,
  type Datatype,
  type ElementsOf,
  elementCountOf,
  isFixedDatatype,
  type Tensor,
} from './datatypes.js';

const LENGTH_BYTES = 4;

/** The tensor as raw contents: little-endian, BYTES elements each behind their length. A view where it can be. */
export function toRawContents(tensor: Tensor): Buffer {
  if (tensor.datatype !== 'BYTES') {
    const { buffer, byteOffset, byteLength } = tensor.data;
    return Buffer.from(buffer, byteOffset, byteLength);
  }
  const size = tensor.data.reduce((sum, element) => sum + LENGTH_BYTES + element.length, 0);
  const raw = Buffer.allocUnsafe(size);
  let offset = 0;
  for (const element of tensor.data) {
    offset = raw.writeUInt32LE(element.length, offset);
    raw.set(element, offset);
    offset += element.length;
  }
  return raw;
}

/**
 * The tensor that raw contents hold. Its data are views into `raw` where alignment allows. Error when the
 * contents do not fit datatype and shape.
 */
export function fromRawContents(
  name: string,
  datatype: string,
  shape: readonly number[],
  raw: Buffer,
): Tensor {
  const count = elementCountOf(shape);
  const data = elementsOf(name, datatype, raw);
  if (data.length !== count) {
    throw new Error(`output '${name}' of shape [${shape}] has ${data.length} elements instead of ${count}`);
  }
  return { name, datatype: datatype as Datatype, shape, data } as Tensor;
}

function elementsOf(name: string, datatype: string, raw: Buffer): ElementsOf[Datatype] {
  if (datatype === 'BYTES') return byteElementsOf(name, raw);
  if (!isFixedDatatype(datatype))
    throw new Error(`output '${name}' is of the unknown datatype '${datatype}'`);
  const Elements = ARRAY_TYPES[datatype];
  const size = Elements.BYTES_PER_ELEMENT;
  if (raw.length % size !== 0) throw new Error(`output '${name}' ends within an element`);
  const isAligned = raw.byteOffset % size === 0;
  const { buffer, byteOffset } = isAligned ? raw : Uint8Array.from(raw);
  return new Elements(buffer, byteOffset, raw.length / size);
}

function byteElementsOf(name: string, raw: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let offset = 0;
  while (offset < raw.length) {
    const start = offset + LENGTH_BYTES;
    const end = start > raw.length ? Infinity : start + raw.readUInt32LE(offset);
    if (end > raw.length) throw new Error(`output '${name}' ends within an element`);
    elements.push(raw.subarray(start, end));
    offset = end;
  }
  return elements;
}
