import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeOf, tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { decodeModel } from '#naiad/onnx/decode-model.js';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import { NO_BYTES, type OnnxModel } from '#naiad/onnx/model.js';
import { aModel, aValue } from './a-model.js';
import { arbitraryModel } from './arbitrary-model.js';

const again = (model: OnnxModel): OnnxModel => decodeModel(encodeModel(model));

describe('a model that is written and read', () => {
  it('is the same, whatever is in it', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        expect(again(model)).toEqual(model);
      }),
      { numRuns: 100 },
    );
  });

  it('has the same bytes from then on', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        const bytes = encodeModel(model);
        expect(encodeModel(decodeModel(bytes)).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('has its tensors as views on the bytes', () => {
    const weights = tensorOf('w', DataType.float, [2000], new Float32Array(2000).fill(1.5));
    const bytes = encodeModel(aModel({ initializers: [weights] }));
    const data = decodeModel(bytes).graph.initializers[0]?.data;
    expect(data?.buffer).toBe(bytes.buffer);
    expect(data).toEqual(weights.data);
  });

  it('calls the domain of ONNX by its shorter name', () => {
    const model = aModel(
      { nodes: [nodeOf('Relu', ['x'], ['y'], { domain: 'ai.onnx' })] },
      { opsets: [{ domain: 'ai.onnx', version: 17 }] },
    );
    const read = again(model);
    expect(read.graph.nodes[0]?.domain).toBe('');
    expect(read.opsets).toEqual([{ domain: '', version: 17 }]);
  });

  it('takes an empty name of a dimension for none', () => {
    expect(again(aModel({ inputs: [aValue('x', ['', 'n', 3])] })).graph.inputs[0]?.shape).toEqual([
      null,
      'n',
      3,
    ]);
  });

  it('has its nodes in topological order, whatever the order in the file', () => {
    const [relu, add, exp] = [
      nodeOf('Relu', ['b'], ['y']),
      nodeOf('Add', ['x', 'a'], ['b']),
      nodeOf('Exp', ['x'], ['a']),
    ] as const;
    const model = aModel({ nodes: [relu, add, exp], inputs: [aValue('x')], outputs: [aValue('y')] });
    expect(again(model).graph.nodes).toEqual([exp, add, relu]);
  });

  it('leaves nodes alone that wait for each other', () => {
    const nodes = [nodeOf('Relu', ['b'], ['a']), nodeOf('Relu', ['a'], ['b'])];
    expect(again(aModel({ nodes })).graph.nodes).toEqual(nodes);
  });

  it('keeps the notes on a type only while the rank is the same', () => {
    const note = Uint8Array.of(0x1a, 0x05, ...Buffer.from('BATCH'));
    const typeNotes = { type: NO_BYTES, tensor: NO_BYTES, shape: NO_BYTES, dims: [note] };
    const input = { ...aValue('x', ['n']), typeNotes };
    const read = (value: typeof input) => again(aModel({ inputs: [value] })).graph.inputs[0];
    expect(read(input)?.typeNotes?.dims).toEqual([note]);
    expect(read({ ...input, shape: ['n', 3] })?.typeNotes).toBeNull();
  });
});
