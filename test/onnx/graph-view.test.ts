import { describe, expect, it } from 'vitest';
import { floatsTensor, intsTensor, nodeOf, tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { GraphView } from '#naiad/onnx/graph-view.js';
import type { OnnxGraph, OnnxTensor } from '#naiad/onnx/model.js';
import { floatsOf, intsOf } from '#naiad/onnx/tensor-values.js';
import { UniqueNames } from '#naiad/onnx/unique-names.js';
import { aGraph, aModel, aValue } from './a-model.js';

/** A graph that adds `w` of the graph around it to its own constant. */
const branch = (name: string): OnnxGraph =>
  aGraph({
    name,
    initializers: [floatsTensor(`${name}_own`, [1])],
    nodes: [nodeOf('Add', ['w', `${name}_own`], [`${name}_out`])],
    outputs: [aValue(`${name}_out`)],
  });

const choose = nodeOf('If', ['c'], ['chosen'], {
  attributes: { then_branch: { graph: branch('t') }, else_branch: { graph: branch('e') } },
});
const square = nodeOf('Mul', ['x', 'x'], ['square']);
const conv = nodeOf('Conv', ['square', 'w', ''], ['y']);
const model = aModel({
  inputs: [aValue('x', ['n', 4]), aValue('c')],
  outputs: [aValue('y'), aValue('v')],
  initializers: [floatsTensor('w', [1, 2]), floatsTensor('v', [3])],
  nodes: [square, conv, choose],
});

describe('GraphView', () => {
  const view = new GraphView(model);

  it('knows who makes a value and who uses it', () => {
    expect(view.producerOf('y')).toBe(conv);
    expect(view.producerOf('x')).toBeNull();
    expect(view.producerOf('t_out')).toBeNull();
    expect(view.usesOf('x')).toEqual([
      { node: square, input: 0 },
      { node: square, input: 1 },
    ]);
    expect(view.consumersOf('x')).toEqual([square]);
    expect(view.usesOf('')).toEqual([]);
  });

  it('counts what graphs inside a node take from outside as used by the node', () => {
    expect(view.usesOf('w')).toEqual([
      { node: conv, input: 1 },
      { node: choose, input: null },
    ]);
    expect(view.usesOf('t_own')).toEqual([]);
  });

  it('knows the only consumer of a value', () => {
    expect(view.onlyConsumerOf('square')).toBe(conv);
    expect(view.onlyConsumerOf('x')).toBeNull();
    expect(view.onlyConsumerOf('y')).toBeNull();
    const both = new GraphView(aModel({ nodes: [conv], outputs: [aValue('square')] }));
    expect(both.onlyConsumerOf('square')).toBeNull();
  });

  it('knows what is shared', () => {
    const uses = [nodeOf('Relu', ['a'], ['y']), nodeOf('Relu', ['b'], ['z']), nodeOf('Exp', ['b'], ['u'])];
    const shared = new GraphView(aModel({ nodes: uses, outputs: [aValue('y')] }));
    expect(['a', 'b'].map((name) => shared.isShared(name))).toEqual([false, true]);
    expect(view.isShared('w')).toBe(true);
    expect(view.isShared('v')).toBe(false);
  });

  it('knows inputs and outputs', () => {
    expect(['x', 'y', 'w'].map((name) => view.isGraphInput(name))).toEqual([true, false, false]);
    expect(['x', 'y', 'v'].map((name) => view.isGraphOutput(name))).toEqual([false, true, true]);
    expect(view.infoOf('x')?.shape).toEqual(['n', 4]);
    expect(view.infoOf('square')).toBeNull();
  });

  it('takes the later of two initializers of one name', () => {
    const twice = new GraphView(aModel({ initializers: [floatsTensor('w', [1]), floatsTensor('w', [2])] }));
    expect(twice.initializer('w')).toEqual(floatsTensor('w', [2]));
  });
});

describe('a constant', () => {
  const constantOf = (name: string, graph: Partial<OnnxGraph>, irVersion = 8): OnnxTensor | null =>
    new GraphView(aModel(graph, { irVersion })).constantOf(name);

  it('is an initializer that nobody can override', () => {
    const graph = { initializers: [floatsTensor('w', [1])], inputs: [aValue('w')] };
    expect(constantOf('w', { ...graph, inputs: [] })).toBe(graph.initializers[0]);
    expect(constantOf('w', graph)).toBeNull();
    expect(constantOf('w', graph, 3)).toBe(graph.initializers[0]);
    expect(constantOf('x', graph)).toBeNull();
  });

  it.each([
    ['value', { tensor: floatsTensor('other', [1, 2]) }, floatsTensor('c', [1, 2])],
    ['value_float', { float: 0.5 }, tensorOf('c', DataType.float, [], Float32Array.of(0.5))],
    ['value_floats', { floats: [1, 2] }, floatsTensor('c', [1, 2])],
    ['value_int', 2n ** 60n, tensorOf('c', DataType.int64, [], BigInt64Array.of(2n ** 60n))],
    ['value_ints', [3, -1], intsTensor('c', [3, -1])],
  ])('is a Constant with %s', (name, value, expected) => {
    const node = nodeOf('Constant', [], ['c'], { attributes: { [name]: value } });
    expect(constantOf('c', { nodes: [node] })).toEqual(expected);
  });

  it('is a Constant of strings', () => {
    const node = nodeOf('Constant', [], ['c'], { attributes: { value_string: 'ab' } });
    expect(constantOf('c', { nodes: [node] })).toMatchObject({ dims: [], strings: [Uint8Array.of(97, 98)] });
  });

  it('is a ConstantOfShape of a constant shape that is not too large', () => {
    const of = (shape: readonly number[], value?: OnnxTensor): OnnxTensor | null =>
      constantOf('c', {
        nodes: [
          nodeOf('Constant', [], ['shape'], { attributes: { value_ints: shape } }),
          nodeOf('ConstantOfShape', ['shape'], ['c'], {
            attributes: value === undefined ? {} : { value: { tensor: value } },
          }),
        ],
      });
    expect(of([2, 2])).toEqual(tensorOf('c', DataType.float, [2, 2], new Float32Array(4)));
    expect(of([3], intsTensor('', [-7]))).toEqual(intsTensor('c', [-7, -7, -7]));
    expect(of([0])?.data).toHaveLength(0);
    expect(of([1 << 20])).toBeNull();
    expect(of([-1])).toBeNull();
    expect(of([2], intsTensor('', [1, 2]))).toBeNull();
  });

  it('is seen through Identity', () => {
    const nodes = ['w', 'a', 'b'].map((name, index) =>
      nodeOf('Identity', [name], ['a', 'b', 'c'].slice(index, index + 1)),
    );
    const initializers = [floatsTensor('w', [1])];
    expect(constantOf('c', { nodes, initializers })).toBe(initializers[0]);
    expect(constantOf('c', { nodes })).toBeNull();
  });

  it('is nothing that depends on an input, on another domain or on itself', () => {
    const nodes = [
      nodeOf('ConstantOfShape', ['x'], ['filled']),
      nodeOf('Constant', [], ['foreign'], {
        domain: 'com.example',
        attributes: { value_float: { float: 1 } },
      }),
      nodeOf('Relu', ['w'], ['relu']),
      nodeOf('Identity', ['b'], ['a']),
      nodeOf('Identity', ['a'], ['b']),
      nodeOf('ConstantOfShape', ['circle'], ['circle']),
    ];
    const graph = { nodes, inputs: [aValue('x')], initializers: [floatsTensor('w', [1])] };
    for (const name of ['filled', 'foreign', 'relu', 'a', 'circle'])
      expect(constantOf(name, graph)).toBeNull();
  });

  it('gives its elements as numbers', () => {
    const float = (dataType: number, data: ArrayBufferView): number[] => [
      ...floatsOf(
        tensorOf(
          'w',
          dataType,
          [data.byteLength / (dataType === DataType.double ? 8 : dataType === DataType.float ? 4 : 2)],
          data,
        ),
      ),
    ];
    expect(float(DataType.float, Float32Array.of(1.5, -0))).toEqual([1.5, -0]);
    expect(float(DataType.double, Float64Array.of(0.5))).toEqual([0.5]);
    expect(float(DataType.bfloat16, Uint16Array.of(0x3f80, 0xc040))).toEqual([1, -3]);
    expect(
      float(DataType.float16, Uint16Array.of(0x3c00, 0xc200, 0x7c00, 0x0001, 0x03ff, 0x8000, 0x7bff)),
    ).toEqual([1, -3, Number.POSITIVE_INFINITY, 2 ** -24, 1023 * 2 ** -24, -0, 65_504]);
    expect(float(DataType.float16, Uint16Array.of(0x7e00))).toEqual([Number.NaN]);
    const unaligned = new Uint8Array(9).subarray(1);
    unaligned.set(new Uint8Array(Float32Array.of(1, 2).buffer));
    expect(float(DataType.float, unaligned)).toEqual([1, 2]);
    expect(intsOf(tensorOf('z', DataType.int8, [2], Int8Array.of(-1, 5)))).toEqual([-1, 5]);
    expect(intsOf(tensorOf('z', DataType.uint16, [1], Uint16Array.of(65_535)))).toEqual([65_535]);
    expect(intsOf(intsTensor('z', [-5, 2 ** 40]))).toEqual([-5, 2 ** 40]);
    expect(() => intsOf(intsTensor('z', [2n ** 60n]))).toThrow(
      "tensor 'z' (int64 [1]) has the element 1152921504606846976",
    );
    expect(() => intsOf(floatsTensor('w', [1]))).toThrow("tensor 'w' (float [1]) has no integers");
    expect(() => floatsOf(intsTensor('w', [1]))).toThrow(
      "tensor 'w' (int64 [1]) has no floating-point elements",
    );
  });
});

describe('UniqueNames', () => {
  it('gives names that stand nowhere, each once', () => {
    const names = new UniqueNames(model);
    expect(names.take('free')).toBe('free');
    expect(names.take('free')).toBe('free_1');
    expect(names.take('t_own')).toBe('t_own_1');
    expect(names.take('square')).toBe('square_1');
    expect(names.take('square')).toBe('square_2');
    expect(names.take('square_1')).toBe('square_1_1');
  });
});
