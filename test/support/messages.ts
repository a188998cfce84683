import type { Message } from './client.js';

export const int32 = (...values: number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);
export const fp32 = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** One BYTES element as it stands in raw contents. */
export function bytesElement(data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return Buffer.concat([length, data]);
}

/** A request to `simple`: `rows` rows of 16, INPUT0 counting from `first`, INPUT1 all ones. */
export function simpleRequest(first = 0, rows = 1, extra: Message = {}): Message {
  const count = 16 * rows;
  return {
    model_name: 'simple',
    inputs: [
      { name: 'INPUT0', datatype: 'INT32', shape: [rows, 16] },
      { name: 'INPUT1', datatype: 'INT32', shape: [rows, 16] },
    ],
    raw_input_contents: [
      int32(...Array.from({ length: count }, (_, i) => first + i)),
      int32(...Array.from({ length: count }, () => 1)),
    ],
    ...extra,
  };
}

/** A request of FP32 rows, one value each, to a model on the identity backend. */
export function identityRequest(model: string, values: number[], extra: Message = {}): Message {
  return {
    model_name: model,
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [values.length, 1] }],
    raw_input_contents: [fp32(...values)],
    ...extra,
  };
}

/** Encoded pictures to an image input. */
export function pictureRequest(
  model: string,
  input: string,
  pictures: Uint8Array[],
  extra: Message = {},
): Message {
  return {
    model_name: model,
    inputs: [{ name: input, datatype: 'BYTES', shape: [pictures.length] }],
    raw_input_contents: [Buffer.concat(pictures.map(bytesElement))],
    ...extra,
  };
}

export function int32sOf(response: Message, index: number): number[] {
  const raw = (response.raw_output_contents as Buffer[])[index] ?? Buffer.alloc(0);
  return Array.from({ length: raw.length / 4 }, (_, i) => raw.readInt32LE(i * 4));
}

export function fp32sOf(response: Message, index: number): number[] {
  const raw = (response.raw_output_contents as Buffer[])[index] ?? Buffer.alloc(0);
  return Array.from({ length: raw.length / 4 }, (_, i) => raw.readFloatLE(i * 4));
}

export function stringsOf(response: Message, index: number): string[] {
  const raw = (response.raw_output_contents as Buffer[])[index] ?? Buffer.alloc(0);
  const strings: string[] = [];
  for (let offset = 0; offset < raw.length; ) {
    const length = raw.readUInt32LE(offset);
    strings.push(raw.toString('utf8', offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return strings;
}
