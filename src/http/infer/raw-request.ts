import { inputErrors, requestPrefix } from '../../errors/catalogue.js';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { InferenceService } from '../../service/service.js';
import { joinBytes } from '../../tensor/bytes.js';
import { BYTE_SIZES } from '../../tensor/datatype.js';
import { elementCount, type Shape } from '../../tensor/shape.js';
import type { ModelName } from './http-infer-request.js';
import type { JsonRequest } from './json-request.js';
import { reading } from './read-infer.js';

/** What Triton calls the data of a raw request. */
const RAW_INPUT = 'raw_input';

const PREFIX = requestPrefix('');

/**
 * A request whose body is the data of the model's only input: one row, of which at most one dimension is
 * not known beforehand. What is wrong is told by the answer's `problem`.
 */
export function readRawRequest(service: InferenceService, name: ModelName, body: Uint8Array): JsonRequest {
  return reading((request) => {
    const { model, version } = name;
    const { inputs } = service.modelMetadata(model, version);
    const [input] = inputs;
    if (input === undefined || inputs.length > 1) {
      throw httpInferenceErrors.rawInputs(PREFIX, model, inputs.length);
    }
    request.stage = 'payload';
    const isBatching = service.modelConfig(model, version).max_batch_size > 0;
    const shape = isBatching ? [1, ...input.shape.slice(1)] : input.shape;
    const { datatype } = input;
    const isBytes = datatype === 'BYTES';
    const data = isBytes ? joinBytes([body]) : body;
    request.inputs.push({
      name: input.name,
      datatype,
      shape: isBytes
        ? toBytesShape(input.name, shape)
        : toShape(model, input.name, shape, BYTE_SIZES[datatype], body.length),
      source: { kind: 'json', data },
    });
  });
}

/** A text says nothing of how many elements it is: there must be room for one only. */
function toBytesShape(input: string, shape: Shape): Shape {
  if (shape.indexOf(-1) !== shape.lastIndexOf(-1)) throw httpInferenceErrors.rawShape(PREFIX, input);
  if (elementCount(shape) !== 1) throw httpInferenceErrors.rawBytes(PREFIX, input);
  return shape;
}

function toShape(model: string, input: string, shape: Shape, elementBytes: number, bytes: number): Shape {
  const variable = shape.indexOf(-1);
  if (variable !== shape.lastIndexOf(-1)) throw httpInferenceErrors.rawShape(PREFIX, input);
  const concrete = shape.map((dim) => (dim === -1 ? 1 : dim));
  const rowBytes = elementCount(concrete) * elementBytes;
  if (variable !== -1) concrete[variable] = Math.floor(bytes / rowBytes);
  const expected = elementCount(concrete) * elementBytes;
  if (expected !== bytes) throw inputErrors.byteSize(PREFIX, model, RAW_INPUT, expected, bytes);
  return concrete;
}
