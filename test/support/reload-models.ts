import type { Message } from './client.js';
import { fp32, fp32sOf } from './messages.js';
import { onnxModel } from './onnx.js';

/** Values in one row of an adder. */
export const ADDER_WIDTH = 64;

/**
 * OUTPUT0 = INPUT0 x identity + `content`, FP32 rows of 64: an answer tells which content gave it, and a
 * file that was overwritten half gives no such answer. Contents are whole numbers below 1e6.
 */
export function adder(content: number): Uint8Array {
  const n = ADDER_WIDTH;
  return onnxModel({
    inputs: [{ name: 'INPUT0', type: 'FP32', dims: ['batch', n] }],
    outputs: [{ name: 'OUTPUT0', type: 'FP32', dims: ['batch', n] }],
    initializers: [
      {
        name: 'W',
        type: 'FP32',
        dims: [n, n],
        data: Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
      },
      { name: 'C', type: 'FP32', dims: [n], data: Array.from({ length: n }, () => content) },
    ],
    nodes: [
      { op: 'MatMul', inputs: ['INPUT0', 'W'], outputs: ['product'] },
      { op: 'Add', inputs: ['product', 'C'], outputs: ['OUTPUT0'] },
    ],
  });
}

/** config.pbtxt of an adder with one instance, and more lines. */
export function adderConfig(extra = '', instances = 1): string {
  return `max_batch_size: 32
input { name: "INPUT0" data_type: TYPE_FP32 dims: [ ${ADDER_WIDTH} ] }
output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ ${ADDER_WIDTH} ] }
instance_group { kind: KIND_CPU count: ${instances} }
${extra}
`;
}

/** One row that holds `value` everywhere. */
export function adderRequest(model: string, value: number, extra: Message = {}): Message {
  return {
    model_name: model,
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, ADDER_WIDTH] }],
    raw_input_contents: [fp32(...Array.from({ length: ADDER_WIDTH }, () => value))],
    ...extra,
  };
}

/** The content that gave this answer to a row of `value`; NaN when no content can have. */
export function contentOf(response: Message, value: number): number {
  const values = fp32sOf(response, 0);
  const content = (values[0] ?? Number.NaN) - value;
  return values.length === ADDER_WIDTH && values.every((other) => other - value === content)
    ? content
    : Number.NaN;
}
