import { type Datatype, isDatatype } from '../../tensor/datatype.js';
import type { NamedTensor } from '../../tensor/tensor.js';

/** A tensor of a recorded request as its header has it. */
interface Header {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Inputs of one request as a file: the length of a header in JSON, the header, the data of each tensor. */
export function encodeSample(inputs: readonly NamedTensor[]): Buffer {
  const headers: Header[] = inputs.map(({ name, datatype, shape, data }) => ({
    name,
    datatype,
    shape,
    bytes: data.byteLength,
  }));
  const header = Buffer.from(JSON.stringify(headers));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...inputs.map(({ data }) => data)]);
}

/** Throws Error for people when it is none. */
export function decodeSample(file: Uint8Array): NamedTensor[] {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  try {
    const start = 4 + bytes.readUInt32LE(0);
    const headers: unknown = JSON.parse(bytes.toString('utf8', 4, start));
    if (!Array.isArray(headers) || !headers.every(isHeader)) throw new Error('its header is broken');
    let offset = start;
    return headers.map(({ name, datatype, shape, bytes: size }) => {
      const data = bytes.subarray(offset, offset + size);
      if (data.length !== size) throw new Error('it is shorter than its header says');
      offset += size;
      return { name, datatype, shape, data };
    });
  } catch (error) {
    throw new Error(`it is no recorded request: ${error instanceof Error ? error.message : error}`);
  }
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== 'object' || value === null) return false;
  const { name, datatype, shape, bytes } = value as Readonly<Record<string, unknown>>;
  return (
    typeof name === 'string' &&
    typeof datatype === 'string' &&
    isDatatype(datatype) &&
    Array.isArray(shape) &&
    shape.every(Number.isSafeInteger) &&
    typeof bytes === 'number'
  );
}
