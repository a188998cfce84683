import { outputErrors } from '../../errors/catalogue.js';
import type { InferResponse } from '../../inference/response.js';
import { invariant } from '../../lib/invariant.js';
import { LIMITS } from '../../settings/limits.js';
import type { Shape } from '../../tensor/shape.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import { tagOf, WireType } from '../../wire/wire-type.js';
import { delimitedSize, utf8Size, varintSize, WireWriter } from '../../wire/writer.js';
import { parametersSize, writeParameters } from './parameters.js';

// ModelInferResponse
const MODEL_NAME = tagOf(1, WireType.bytes);
const MODEL_VERSION = tagOf(2, WireType.bytes);
const ID = tagOf(3, WireType.bytes);
const PARAMETERS = tagOf(4, WireType.bytes);
const OUTPUTS = tagOf(5, WireType.bytes);
const RAW_OUTPUT_CONTENTS = tagOf(6, WireType.bytes);
// InferOutputTensor
const NAME = tagOf(1, WireType.bytes);
const DATATYPE = tagOf(2, WireType.bytes);
const SHAPE_PACKED = tagOf(3, WireType.bytes);

/**
 * Encodes a `ModelInferResponse` with its tensors in `raw_output_contents`, in one allocation. Throws
 * ServingError when it would exceed the protocol's 2 GiB.
 */
export function encodeInferResponse(response: InferResponse): Buffer {
  const size = inferResponseSize(response);
  if (size > LIMITS.messageBytesMax) throw outputErrors.tooLarge(size);
  const writer = new WireWriter(size);
  writeInferResponse(writer, response);
  return writer.finish();
}

/** Bytes of a `ModelInferResponse`. */
export function inferResponseSize(response: InferResponse): number {
  const { modelName, modelVersion, id, parameters, outputs } = response;
  let size = fieldSize(utf8Size(modelName)) + fieldSize(utf8Size(modelVersion)) + fieldSize(utf8Size(id));
  if (parameters.size > 0) size += parametersSize(parameters);
  for (const output of outputs) {
    size += delimitedSize(outputSize(output)) + delimitedSize(output.data.length);
  }
  return size;
}

/** Writes the fields of a `ModelInferResponse`, {@link inferResponseSize} bytes. */
export function writeInferResponse(writer: WireWriter, response: InferResponse): void {
  const { modelName, modelVersion, id, parameters, outputs } = response;
  const nameSize = utf8Size(modelName);
  const versionSize = utf8Size(modelVersion);
  const idSize = utf8Size(id);
  if (nameSize > 0) writer.string(MODEL_NAME, modelName, nameSize);
  if (versionSize > 0) writer.string(MODEL_VERSION, modelVersion, versionSize);
  if (idSize > 0) writer.string(ID, id, idSize);
  if (parameters.size > 0) writeParameters(writer, PARAMETERS, parameters);
  for (const output of outputs) writeOutput(writer, output);
  for (const { data } of outputs) writer.bytes(RAW_OUTPUT_CONTENTS, data);
}

/** Strings that are empty are not written. */
function fieldSize(length: number): number {
  return length === 0 ? 0 : delimitedSize(length);
}

function shapeSize(shape: Shape): number {
  let size = 0;
  for (const dim of shape) {
    invariant(dim >= 0, 'an output has a concrete shape');
    size += varintSize(dim);
  }
  return size;
}

function outputSize({ name, datatype, shape }: NamedTensor): number {
  return fieldSize(utf8Size(name)) + delimitedSize(datatype.length) + fieldSize(shapeSize(shape));
}

function writeOutput(writer: WireWriter, output: NamedTensor): void {
  const { name, datatype, shape } = output;
  writer.header(OUTPUTS, outputSize(output));
  const nameSize = utf8Size(name);
  if (nameSize > 0) writer.string(NAME, name, nameSize);
  writer.string(DATATYPE, datatype, datatype.length);
  if (shape.length > 0) {
    writer.header(SHAPE_PACKED, shapeSize(shape));
    for (const dim of shape) writer.varint(dim);
  }
}
