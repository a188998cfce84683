import fc from 'fast-check';
import { bitsOf, bytesOf, DataType } from '#naiad/onnx/data-type.js';
import type {
  OnnxAttribute,
  OnnxDim,
  OnnxGraph,
  OnnxInt,
  OnnxModel,
  OnnxNode,
  OnnxSparseTensor,
  OnnxTensor,
  OnnxTypeNotes,
  OnnxValueInfo,
} from '#naiad/onnx/model.js';
import { aGraph, aModel } from './a-model.js';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const name = fc.string({ minLength: 1, maxLength: 8 });
const bytes = fc.uint8Array({ maxLength: 40 });
const float = fc.float({ noNaN: true });

/** A number where one can hold it, as the decoder gives it. */
const int: fc.Arbitrary<OnnxInt> = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .chain((wide) => fc.constantFrom(wide, wide >> 12n, wide >> 40n))
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));

/** Fields of numbers that no message of ONNX has: one of each wire type. */
const unknownFields: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 127 }).map((value) => [0xb8, 0x3e, value]),
      fc
        .array(fc.integer({ min: 0, max: 255 }), { maxLength: 9 })
        .map((data) => [0xc2, 0x3e, data.length, ...data]),
      fc.constant([0xcd, 0x3e, 1, 2, 3, 4]),
      fc.constant([0xd1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8]),
    ),
    { maxLength: 2 },
  )
  .map((fields) => Uint8Array.from(fields.flat()));

const NUMERIC = Object.values(DataType).filter((type) => (bitsOf(type) ?? 0) > 0);

const dims = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const countOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

const numericTensor: fc.Arbitrary<OnnxTensor> = fc
  .tuple(name, fc.constantFrom(...NUMERIC), dims, unknownFields)
  .chain(([tensorName, dataType, shape, rest]) => {
    const length = bytesOf(dataType, countOf(shape)) ?? 0;
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((data) => ({ name: tensorName, dataType, dims: shape, data, strings: [], rest }));
  });

const stringTensor: fc.Arbitrary<OnnxTensor> = fc
  .tuple(name, dims, unknownFields)
  .chain(([each, shape, rest]) =>
    fc.array(bytes, { minLength: countOf(shape), maxLength: countOf(shape) }).map((strings) => ({
      name: each,
      dataType: DataType.string,
      dims: shape,
      data: new Uint8Array(0),
      strings,
      rest,
    })),
  );

export const arbitraryTensor = fc.oneof({ weight: 4, arbitrary: numericTensor }, stringTensor);

const sparseTensor: fc.Arbitrary<OnnxSparseTensor> = fc.record({
  values: numericTensor,
  indices: numericTensor,
  dims,
  rest: unknownFields,
});

const dim: fc.Arbitrary<OnnxDim> = fc.oneof(fc.integer({ min: -1 }), name, fc.constant(null));

const typeNotes = (rank: number): fc.Arbitrary<OnnxTypeNotes | null> => {
  const some = fc.record({
    type: unknownFields,
    tensor: unknownFields,
    shape: unknownFields,
    dims: fc.array(unknownFields, { minLength: rank, maxLength: rank }),
  });
  return some.map((notes) =>
    [notes.type, notes.tensor, notes.shape, ...notes.dims].some(({ length }) => length > 0) ? notes : null,
  );
};

const tensorInfo: fc.Arbitrary<OnnxValueInfo> = fc
  .tuple(name, fc.constantFrom(...NUMERIC), fc.array(dim, { maxLength: 3 }), unknownFields)
  .chain(([each, elemType, shape, rest]) =>
    typeNotes(shape.length).map((notes) => ({
      name: each,
      elemType,
      shape,
      otherType: null,
      typeNotes: notes,
      rest,
    })),
  );

const otherInfo: fc.Arbitrary<OnnxValueInfo> = fc.record({
  name,
  elemType: fc.constant(DataType.undefined),
  shape: fc.constant(null),
  // sequence_type { elem_type { tensor_type { elem_type: 1 } } }, or nothing at all
  otherType: fc.constantFrom(Uint8Array.of(0x22, 0x06, 0x0a, 0x04, 0x0a, 0x02, 0x08, 0x01), null),
  typeNotes: fc.constant(null),
  rest: unknownFields,
});

const valueInfos = fc.array(fc.oneof({ weight: 3, arbitrary: tensorInfo }, otherInfo), { maxLength: 3 });

function attribute(graph: fc.Arbitrary<OnnxGraph>): fc.Arbitrary<OnnxAttribute> {
  const of = <T extends OnnxAttribute['type'], V>(type: T, value: fc.Arbitrary<V>) =>
    fc.record({ name, rest: unknownFields, type: fc.constant(type), value });
  const some = <V>(value: fc.Arbitrary<V>) => fc.array(value, { maxLength: 3 });
  return fc.oneof(
    of('float', float),
    of('int', int),
    of('string', bytes),
    of('tensor', arbitraryTensor),
    of('graph', graph),
    of('sparse-tensor', sparseTensor),
    of('type', bytes),
    of('floats', some(float)),
    of('ints', some(int)),
    of('strings', some(bytes)),
    of('tensors', some(arbitraryTensor)),
    of('graphs', some(graph)),
    of('sparse-tensors', some(sparseTensor)),
    of('types', some(bytes)),
    fc.record({
      name,
      rest: unknownFields,
      type: fc.constant('reference' as const),
      value: name,
      code: fc.constantFrom(1, 2, 7),
    }),
  );
}

function node(graph: fc.Arbitrary<OnnxGraph>): fc.Arbitrary<OnnxNode> {
  return fc.record({
    name: text,
    opType: name,
    domain: fc.constantFrom('', 'com.microsoft'),
    inputs: fc.array(fc.oneof(name, fc.constant('')), { maxLength: 3 }),
    // Made by one node only, so that the order of the nodes is right as it stands.
    outputs: fc.uuid().map((id) => [id]),
    attributes: fc.array(attribute(graph), { maxLength: 3 }),
    rest: unknownFields,
  });
}

function graph(depth: number): fc.Arbitrary<OnnxGraph> {
  const inner = depth === 0 ? fc.constant(aGraph({ name: 'leaf' })) : graph(depth - 1);
  return fc.record({
    name,
    nodes: fc.array(node(inner), { maxLength: 3 }),
    initializers: fc.array(arbitraryTensor, { maxLength: 3 }),
    sparseInitializers: fc.array(sparseTensor, { maxLength: 1 }),
    inputs: valueInfos,
    outputs: valueInfos,
    valueInfos,
    rest: unknownFields,
  });
}

const opsets = fc.array(fc.record({ domain: name, version: fc.integer({ min: 1, max: 30 }) }), {
  maxLength: 2,
});

/** Models with everything that the format knows, which need not make sense. */
export const arbitraryModel: fc.Arbitrary<OnnxModel> = fc
  .record({
    irVersion: fc.integer({ min: 1, max: 20 }),
    opsets,
    graph: graph(1),
    functions: fc.array(
      fc.record({
        name,
        domain: name,
        opsets,
        nodes: fc.array(node(graph(0)), { maxLength: 2 }),
        rest: unknownFields,
      }),
      { maxLength: 1 },
    ),
    metadata: fc.array(fc.record({ key: text, value: text }), { maxLength: 2 }),
    rest: unknownFields,
  })
  .map((parts) => aModel({}, parts));
