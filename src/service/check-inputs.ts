import { inputErrors } from '../errors/catalogue.js';
import type { InferInput } from '../inference/request.js';
import { decodedBytesOf } from '../model-config/image-spec.js';
import type { InputSpec } from '../model-config/model-spec.js';
import { LIMITS } from '../settings/limits.js';
import { type VisitElement, walkBytes } from '../tensor/bytes.js';
import { BYTE_SIZES, type Datatype, isDatatype } from '../tensor/datatype.js';
import { elementCount, formatShape, type Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { isText } from '../tensor/text.js';

/** Encoded pictures that still have to become the rows of an input. */
export interface Pictures {
  readonly input: InputSpec;
  readonly encoded: readonly Uint8Array[];
}

/** An input that passed: a tensor in the backend's shape, or pictures to decode into one. */
export type CheckedInput =
  | { readonly kind: 'tensor'; readonly tensor: NamedTensor }
  | { readonly kind: 'pictures'; readonly pictures: Pictures };

/** What the checks of one request have in common. */
export interface CheckContext {
  /** `[request id: x] `. */
  readonly prefix: string;
  readonly model: string;
  readonly batching: boolean;
  readonly bytesMustBeText: boolean;
}

/** Checks one input's datatype, shape and data, in this order. Throws INVALID_ARGUMENT. */
export function checkInput(context: CheckContext, spec: InputSpec, input: InferInput): CheckedInput {
  const { prefix, model, batching } = context;
  const { datatype, shape } = input;
  if (datatype === 'BYTES' && spec.image !== null) {
    return { kind: 'pictures', pictures: checkPictures(context, spec, input) };
  }
  if (datatype !== spec.datatype) {
    const got = isDatatype(datatype) ? datatype : '<invalid>';
    throw inputErrors.datatype(prefix, model, input.name, got, spec.datatype);
  }
  const firstDim = batching ? 1 : 0;
  for (let axis = firstDim; axis < shape.length; axis++) {
    if ((shape[axis] as number) < 0) {
      throw inputErrors.unspecifiedDim(prefix, model, input.name, formatShape(shape));
    }
  }
  if (!dimsMatch(spec.dims, shape, firstDim)) {
    const expected = formatShape(batching ? [-1, ...spec.dims] : spec.dims);
    throw inputErrors.shape(prefix, model, input.name, expected, formatShape(shape), batching);
  }
  checkData(context, spec.datatype, input);
  return {
    kind: 'tensor',
    tensor: {
      name: spec.name,
      datatype: spec.datatype,
      shape: toBackendShape(spec, shape, firstDim),
      data: input.data,
      ...(input.owned === true && { owned: input.owned }),
    },
  };
}

function dimsMatch(dims: Shape, shape: Shape, firstDim: number): boolean {
  if (shape.length !== dims.length + firstDim) return false;
  for (let axis = 0; axis < dims.length; axis++) {
    if (dims[axis] !== -1 && dims[axis] !== shape[axis + firstDim]) return false;
  }
  return true;
}

/** Applies `reshape`: variable dims keep their sizes, in order. */
function toBackendShape(spec: InputSpec, shape: Shape, firstDim: number): Shape {
  if (spec.backendDims === spec.dims) return shape;
  const variable = spec.dims.flatMap((dim, axis) => (dim === -1 ? [shape[axis + firstDim] as number] : []));
  const reshaped = spec.backendDims.map((dim) => (dim === -1 ? (variable.shift() ?? 1) : dim));
  return firstDim === 1 ? [shape[0] as number, ...reshaped] : reshaped;
}

function checkData(context: CheckContext, datatype: Datatype, input: InferInput): void {
  const { prefix, model } = context;
  const elements = elementCount(input.shape);
  if (datatype !== 'BYTES') {
    const expected = elements * BYTE_SIZES[datatype];
    if (expected !== input.byteLength) {
      throw inputErrors.byteSize(prefix, model, input.name, expected, input.byteLength);
    }
    return;
  }
  const { data } = input;
  const visit: VisitElement | null = context.bytesMustBeText
    ? (start, end) => isText(data, start, end)
    : null;
  const got = checkElements(context, input, elements, visit);
  if (got < elements) throw inputErrors.bytesMissing(prefix, model, input.name, elements, got);
}

/** Walks BYTES elements with Triton's texts for what is wrong; returns how many there are. */
function checkElements(
  { prefix, model }: CheckContext,
  { name, data }: InferInput,
  expected: number,
  visit: VisitElement | null,
): number {
  const { bytesElementsMax } = LIMITS;
  const walk = walkBytes(data, Math.min(expected, bytesElementsMax), visit);
  switch (walk.kind) {
    case 'complete':
      return walk.elements;
    case 'prefix-cut':
      throw inputErrors.bytesPrefix(prefix, model, name, walk.available);
    case 'element-cut':
      throw inputErrors.bytesTruncated(name, walk.length, walk.available);
    case 'surplus':
      throw expected > bytesElementsMax
        ? inputErrors.bytesTooMany(prefix, model, name, bytesElementsMax)
        : inputErrors.bytesSurplus(prefix, model, name, walk.elements, expected);
    case 'refused':
      throw inputErrors.bytesNotText(prefix, model, name, walk.element);
  }
}

function checkPictures(context: CheckContext, spec: InputSpec, input: InferInput): Pictures {
  const { prefix, model, batching } = context;
  const { shape } = input;
  const count = shape[0] ?? -1;
  if (count < 1 || shape.length > 2 || (shape.length === 2 && shape[1] !== 1)) {
    throw inputErrors.pictureShape(prefix, model, input.name, formatShape(shape));
  }
  const fixed = batching ? -1 : (spec.dims[0] as number);
  if (fixed !== -1 && fixed !== count) {
    throw inputErrors.shape(prefix, model, input.name, formatShape([fixed]), formatShape(shape), false);
  }
  const picturesMax = picturesOfRequestMax(spec);
  if (count > picturesMax) throw inputErrors.picturesTooMany(prefix, model, input.name, count, picturesMax);
  const { data } = input;
  const encoded: Uint8Array[] = [];
  const got = checkElements(
    context,
    input,
    count,
    (start, end) => encoded.push(data.subarray(start, end)) > 0,
  );
  if (got < count) throw inputErrors.bytesMissing(prefix, model, input.name, count, got);
  return { input: spec, encoded };
}

/** Bounds what a small request can make the server hold: a picture of 90 bytes may become megabytes. */
function picturesOfRequestMax({ image }: InputSpec): number {
  const { decodingPicturesMax, requestDecodedBytesMax } = LIMITS;
  if (image === null) return 0;
  return Math.min(decodingPicturesMax, Math.floor(requestDecodedBytesMax / decodedBytesOf(image)));
}
