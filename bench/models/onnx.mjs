import { bytesField, intField, messageField, textField } from './protobuf.mjs';

/**
 * @typedef {object} Value an input or output of the graph
 * @property {string} name
 * @property {readonly (number | string)[]} dims a string names a dimension of any size
 *
 * @typedef {object} Node
 * @property {string} op
 * @property {readonly string[]} inputs
 * @property {readonly string[]} outputs
 */

const FLOAT = 1;
const IR_VERSION = 8;
const OPSET = 17;

/** OUTPUT0 = INPUT0, FP32 [batch, ...dims]. @param {readonly number[]} dims */
export function identityModel(dims) {
  return onnxModel(
    [{ name: 'INPUT0', dims: ['batch', ...dims] }],
    [{ name: 'OUTPUT0', dims: ['batch', ...dims] }],
    [{ op: 'Identity', inputs: ['INPUT0'], outputs: ['OUTPUT0'] }],
  );
}

/** OUTPUT0[batch,3,1,1] = mean of each plane of INPUT0[batch,3,224,224]: a picture's bytes in, few out. */
export function meanModel() {
  return onnxModel(
    [{ name: 'INPUT0', dims: ['batch', 3, 224, 224] }],
    [{ name: 'OUTPUT0', dims: ['batch', 3, 1, 1] }],
    [{ op: 'GlobalAveragePool', inputs: ['INPUT0'], outputs: ['OUTPUT0'] }],
  );
}

/**
 * Bytes of a `.onnx` file; all values are FP32.
 * @param {readonly Value[]} inputs
 * @param {readonly Value[]} outputs
 * @param {readonly Node[]} nodes
 */
function onnxModel(inputs, outputs, nodes) {
  const graph = [
    ...nodes.map((node) => messageField(1, nodeParts(node))),
    textField(2, 'bench'),
    ...inputs.map((value) => bytesField(11, valueInfo(value))),
    ...outputs.map((value) => bytesField(12, valueInfo(value))),
  ];
  return Buffer.concat([
    intField(1, IR_VERSION),
    messageField(7, graph),
    messageField(8, [textField(1, ''), intField(2, OPSET)]),
  ]);
}

/** @param {Node} node */
function nodeParts({ op, inputs, outputs }) {
  return [
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(4, op),
  ];
}

/** @param {Value} value */
function valueInfo({ name, dims }) {
  const shape = dims.map((dim) =>
    messageField(1, [typeof dim === 'number' ? intField(1, dim) : textField(2, dim)]),
  );
  const tensor = messageField(1, [intField(1, FLOAT), messageField(2, shape)]);
  return Buffer.concat([textField(1, name), bytesField(2, tensor)]);
}
