import { bytesField, intField, messageField, textField } from './protobuf.mjs';

/**
 * @typedef {object} RequestInput
 * @property {string} name
 * @property {string} datatype
 * @property {readonly number[]} shape with the batch dimension
 * @property {Uint8Array} data as in raw_input_contents
 *
 * @typedef {object} InferRequest
 * @property {string} model
 * @property {readonly RequestInput[]} inputs
 * @property {{ name: string, classes: number } | null} classification
 */

/** Bytes of an `inference.ModelInferRequest`. @param {InferRequest} request */
export function encodeInferRequest({ model, inputs, classification }) {
  return Buffer.concat([
    textField(1, model),
    ...inputs.map(({ name, datatype, shape }) =>
      messageField(5, [
        textField(1, name),
        textField(2, datatype),
        messageField(
          3,
          shape.map((size) => varintOf(size)),
        ),
      ]),
    ),
    ...(classification === null ? [] : [messageField(6, requestedClasses(classification))]),
    ...inputs.map(({ data }) => bytesField(7, data)),
  ]);
}

/** One element of a BYTES tensor. @param {Uint8Array} bytes */
export function bytesElement(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** @param {{ name: string, classes: number }} output */
function requestedClasses({ name, classes }) {
  const parameter = messageField(2, [intField(2, classes)]);
  return [textField(1, name), messageField(2, [textField(1, 'classification'), parameter])];
}

/** A packed element: a field without its tag. @param {number} value */
function varintOf(value) {
  return intField(0, value).subarray(1);
}
