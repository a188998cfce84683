import { joinBytes } from '../tensor/bytes.js';
import { type Datatype, isDatatype } from '../tensor/datatype.js';
import { formatShape, type Shape, sameShape } from '../tensor/shape.js';
import type { NamedTensor, Tensor } from '../tensor/tensor.js';
import { sniffFormat } from '../worker/decode/picture-format.js';
import { toElements } from './elements.js';
import { CommandError } from './exit-codes.js';
import type { ModelMetadataMessage } from './messages.js';
import { isNpy, readNpy } from './npy.js';

/** Where a part of an input comes from; `label` names it in messages. */
export type Source =
  | { readonly kind: 'json'; readonly label: string; readonly value: unknown }
  | { readonly kind: 'file'; readonly label: string; readonly bytes: Uint8Array };

/** A source that was given for an input, or (null) for whatever input is meant. */
export interface GivenSource {
  readonly input: string | null;
  readonly source: Source;
}

/** An input as the server's metadata tells it. */
export interface InputSignature {
  readonly name: string;
  readonly datatype: string;
  /** With the batch dimension; -1 = any size. */
  readonly shape: Shape;
}

/** The inputs of a model. */
export function toSignatures(metadata: ModelMetadataMessage): InputSignature[] {
  return metadata.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) }));
}

/**
 * Makes the tensors of a request. Sources without a name belong to the only input; a JSON object among
 * them holds a value for each input. Several sources of one input are joined along the first dimension.
 * Throws {@link CommandError}.
 */
export function toInputTensors(
  model: string,
  signatures: readonly InputSignature[],
  given: readonly GivenSource[],
): NamedTensor[] {
  const named = given.flatMap((each) => nameSource(model, signatures, each));
  const tensors = signatures.flatMap((signature): NamedTensor[] => {
    const parts = named
      .filter(({ input }) => input === signature.name)
      .map(({ source }) => inSource(source, () => toTensor(signature, source)));
    return parts.length === 0 ? [] : [{ name: signature.name, ...joinBatch(signature.name, parts) }];
  });
  if (tensors.length === 0) {
    throw new CommandError(
      `no input was given; model '${model}' takes ${describe(signatures)}: use --input NAME=VALUE or name a file`,
    );
  }
  return tensors;
}

function nameSource(
  model: string,
  signatures: readonly InputSignature[],
  { input, source }: GivenSource,
): { input: string; source: Source }[] {
  const known = (name: string): string => {
    if (signatures.some((signature) => signature.name === name)) return name;
    throw new CommandError(`model '${model}' has no input '${name}', it takes ${describe(signatures)}`);
  };
  if (input !== null) return [{ input: known(input), source }];
  if (source.kind === 'json' && isObject(source.value)) {
    return Object.entries(source.value).map(([name, value]) => ({
      input: known(name),
      source: { kind: 'json', label: `'${name}' of ${source.label}`, value },
    }));
  }
  const [only, ...others] = signatures;
  if (only === undefined || others.length > 0) {
    throw new CommandError(
      `which input is ${source.label}? Model '${model}' takes ${describe(signatures)}: use --input NAME=${source.label}`,
    );
  }
  return [{ input: only.name, source }];
}

/** A tensor for an input, with a batch dimension put in front where only that is missing. */
export function toTensor(signature: InputSignature, source: Source): Tensor {
  const { datatype, shape: expected } = signature;
  if (source.kind === 'json') {
    if (!isDatatype(datatype)) throw new CommandError(`datatype '${datatype}' is unknown here`);
    return fromJson(datatype, expected, source.value);
  }
  if (isNpy(source.bytes)) {
    const tensor = readNpy(source.bytes);
    return { ...tensor, shape: withLeadingDims(tensor.shape, expected) };
  }
  const data = joinBytes([source.bytes]);
  if (datatype === 'BYTES') return { datatype: 'BYTES', shape: expected.map(() => 1), data };
  if (sniffFormat(source.bytes) !== null) return { datatype: 'BYTES', shape: [1], data };
  throw new CommandError(
    `it is neither a picture (JPEG, PNG, WebP, AVIF, GIF, TIFF) nor .npy nor .json, and input '${signature.name}' takes ${datatype}`,
  );
}

function fromJson(datatype: Datatype, expected: Shape, value: unknown): Tensor {
  const shape: number[] = [];
  const elements: unknown[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  flatten(value, shape, 0, '', elements);
  return { datatype, shape: withLeadingDims(shape, expected), data: toElements(datatype, elements) };
}

function flatten(value: unknown, shape: Shape, axis: number, place: string, into: unknown[]): void {
  if (axis === shape.length) {
    if (Array.isArray(value)) throw new CommandError(`${place} is a list, the others there are values`);
    into.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    const got = Array.isArray(value) ? `${value.length} elements` : 'no list';
    throw new CommandError(`lists differ in length: ${place || 'it'} has ${got}, expected ${shape[axis]}`);
  }
  value.forEach((member: unknown, index) => {
    flatten(member, shape, axis + 1, `${place}[${index}]`, into);
  });
}

/** `shape` with leading dims of 1 where `expected` has more dims that may be 1. */
function withLeadingDims(shape: Shape, expected: Shape): Shape {
  const missing = expected.length - shape.length;
  const free = expected.slice(0, Math.max(0, missing));
  return missing > 0 && free.every((dim) => dim === -1 || dim === 1)
    ? [...free.map(() => 1), ...shape]
    : shape;
}

function joinBatch(input: string, parts: readonly Tensor[]): Tensor {
  const [first, ...others] = parts;
  if (first === undefined || others.length === 0) return { ...(first as Tensor) };
  for (const other of others) {
    if (other.datatype !== first.datatype || !sameShape(other.shape.slice(1), first.shape.slice(1))) {
      throw new CommandError(
        `the parts of input '${input}' do not fit together: ${first.datatype} ${formatShape(first.shape)} and ${other.datatype} ${formatShape(other.shape)}`,
      );
    }
  }
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  return {
    datatype: first.datatype,
    shape: [rows, ...first.shape.slice(1)],
    data: Buffer.concat(parts.map(({ data }) => data)),
  };
}

function inSource<T>(source: Source, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(`${source.label}: ${error.message}`, { cause: error });
  }
}

function describe(signatures: readonly InputSignature[]): string {
  return signatures
    .map(({ name, datatype, shape }) => `${name} ${datatype} ${formatShape(shape)}`)
    .join(', ');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
