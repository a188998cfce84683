import { bytesField, floatField, intField, messageField, signedField, textField } from './protobuf.mjs';

/**
 * @typedef {object} Value an input or output of the graph
 * @property {string} name
 * @property {readonly (number | string)[]} dims a string names a dimension of any size
 *
 * @typedef {object} Node
 * @property {string} op
 * @property {readonly string[]} inputs
 * @property {readonly string[]} outputs
 * @property {Readonly<Record<string, number | readonly number[] | { float: number }>>} [attributes] INT or INTS
 *
 * @typedef {object} Constant
 * @property {string} name
 * @property {readonly number[]} dims
 * @property {Float32Array | BigInt64Array} data
 */

const FLOAT = 1;
const INT64 = 7;
/** Numbers of `AttributeProto.AttributeType`. */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;
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
 * Bytes of a `.onnx` file; all inputs and outputs are FP32.
 * @param {readonly Value[]} inputs
 * @param {readonly Value[]} outputs
 * @param {readonly Node[]} nodes
 * @param {readonly Constant[]} constants
 */
export function onnxModel(inputs, outputs, nodes, constants = []) {
  const graph = [
    ...nodes.map((node) => messageField(1, nodeParts(node))),
    textField(2, 'bench'),
    ...constants.map((constant) => messageField(5, constantParts(constant))),
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
function nodeParts({ op, inputs, outputs, attributes = {} }) {
  return [
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(3, outputs[0] ?? ''),
    textField(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      messageField(5, [textField(1, name), ...attributeParts(value)]),
    ),
  ];
}

/** @param {number | readonly number[] | { float: number }} value */
function attributeParts(value) {
  if (typeof value === 'number') return [signedField(3, value), intField(20, ATTRIBUTE_INT)];
  if ('float' in value) return [floatField(2, value.float), intField(20, ATTRIBUTE_FLOAT)];
  return [...value.map((item) => signedField(8, item)), intField(20, ATTRIBUTE_INTS)];
}

/** @param {Constant} constant */
function constantParts({ name, dims, data }) {
  return [
    ...dims.map((dim) => intField(1, dim)),
    intField(2, data instanceof Float32Array ? FLOAT : INT64),
    textField(8, name),
    bytesField(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
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
