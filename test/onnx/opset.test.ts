import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { floatsTensor, intsTensor, type NodeParts, nodeOf, tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import { NO_BYTES, type OnnxDim, type OnnxModel, type OnnxNode } from '#naiad/onnx/model.js';
import { OnnxError } from '#naiad/onnx/onnx-error.js';
import { canRaiseOpset, opsetOf, withIrVersion, withOpset } from '#naiad/onnx/opset.js';
import { valueFacts } from '#naiad/onnx/value-facts.js';
import { aGraph, aModel, aValue } from './a-model.js';

const ort: typeof Ort = createRequire(import.meta.url)('onnxruntime-node');

/** A model of one node from x FLOAT[1, 2, 4, 6] to its outputs, in an old opset. */
function single(
  opset: number,
  opType: string,
  attributes: NodeParts['attributes'] = {},
  outputs = ['y'],
): OnnxModel {
  return of(opset, nodeOf(opType, ['x'], outputs, { attributes }));
}

function of(opset: number, node: OnnxNode, shape: readonly OnnxDim[] | null = [1, 2, 4, 6]): OnnxModel {
  return aModel(
    {
      inputs: [aValue('x', shape)],
      outputs: node.outputs.map((name) => ({
        ...aValue(name),
        elemType: name === 'indices' ? DataType.int64 : DataType.float,
      })),
      nodes: [node],
      initializers: node.inputs.slice(1).map((name) => floatsTensor(name, [0.5, 2])),
    },
    { opsets: [{ domain: '', version: opset }], irVersion: 4 },
  );
}

/** A model that makes x larger, by an attribute before opset 9. */
function enlarged(opset: number, opType: string, scales: readonly number[], mode: string): OnnxModel {
  if (opset < 9) return single(opset, opType, { mode, scales: { floats: scales } });
  const model = of(opset, nodeOf(opType, ['x', 'scales'], ['y'], { attributes: { mode } }));
  return { ...model, graph: { ...model.graph, initializers: [floatsTensor('scales', scales)] } };
}

async function outputsOf(model: OnnxModel): Promise<Record<string, unknown>> {
  const session = await ort.InferenceSession.create(encodeModel(model), {
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const numbers = Float32Array.from({ length: 48 }, (_, index) => Math.sin(index * 7) * 3);
  const results = await session.run({ x: new ort.Tensor('float32', numbers, [1, 2, 4, 6]) });
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data, dims }]) => [name, { data, dims }]));
}

describe('raising the opset keeps the answers of', () => {
  const reductions = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare', 'Sum'];
  it.each([
    ...reductions.map((name): [string, OnnxModel] => [
      `Reduce${name}`,
      single(11, `Reduce${name}`, { axes: [1, -1], keepdims: 0 }),
    ]),
    ['ReduceMean over everything', single(12, 'ReduceMean')],
    ['Squeeze', single(11, 'Squeeze', { axes: [0] })],
    ['Squeeze of all that is 1', single(11, 'Squeeze')],
    ['Unsqueeze', single(9, 'Unsqueeze', { axes: [0, 2] })],
    ['Split', single(11, 'Split', { axis: 3, split: [1, 5] }, ['y', 'z'])],
    ['Split into equals', single(11, 'Split', { axis: 3 }, ['y', 'z', 'u'])],
    ['Softmax over the last axis', single(9, 'Softmax', { axis: 3 })],
    ['Softmax over the axis before it', single(11, 'Softmax', { axis: -1 })],
    ['LogSoftmax', single(12, 'LogSoftmax', { axis: -1 })],
    ['Hardmax', single(11, 'Hardmax', { axis: 3 })],
    ['Slice', single(9, 'Slice', { starts: [1, 0], ends: [3, 2n ** 63n - 1n].map(Number), axes: [2, 3] })],
    ['Slice without axes', single(9, 'Slice', { starts: [0, 1], ends: [1, 2] })],
    ['TopK', single(9, 'TopK', { k: 2, axis: -1 }, ['y', 'indices'])],
    ['Clip', single(10, 'Clip', { min: { float: -1 }, max: { float: 0.5 } })],
    ['Clip from above', single(7, 'Clip', { max: { float: 0.5 } })],
    ['Clip without bounds', single(10, 'Clip')],
    ['Pad', single(10, 'Pad', { pads: [0, 0, 1, 1, 0, 0, 2, 0], value: { float: 1.5 } })],
    ['Pad with the edge', single(9, 'Pad', { pads: [0, 0, 1, 1, 0, 0, 2, 0], mode: 'edge' })],
    ['Dropout', single(9, 'Dropout', { ratio: { float: 0.9 } })],
    ['Dropout that knows its mask', single(10, 'Dropout', { ratio: { float: 0.9 } })],
    [
      'BatchNormalization',
      of(
        8,
        nodeOf('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'], ['y'], {
          attributes: { spatial: 1 },
        }),
      ),
    ],
    ...[8, 9, 10].flatMap((opset) =>
      ['nearest', 'linear'].map((mode): [string, OnnxModel] => {
        const opType = opset === 10 ? 'Resize' : 'Upsample';
        return [`${opType} ${mode} of opset ${opset}`, enlarged(opset, opType, [1, 1, 2, 1.75], mode)];
      }),
    ),
    ['MaxPool', single(10, 'MaxPool', { kernel_shape: [3, 3], ceil_mode: 1, strides: [2, 2] })],
  ])('%s', async (_what, model) => {
    const raised = withOpset(model, '', 21);
    expect(opsetOf(raised, '')).toBe(21);
    expect(raised.irVersion).toBe(10);
    expect(await outputsOf(raised)).toEqual(await outputsOf(model));
  });

  it('Softmax whose later axes are 1', async () => {
    const pooled = nodeOf('GlobalAveragePool', ['x'], ['p']);
    const softmax = nodeOf('Softmax', ['p'], ['y'], { attributes: { axis: 1 } });
    const model = aModel(
      {
        inputs: [aValue('x', [1, 2, 4, 6])],
        outputs: [aValue('y')],
        nodes: [pooled, softmax],
      },
      { opsets: [{ domain: '', version: 11 }] },
    );
    const facts = valueFacts([aValue('p', ['n', 2, 1, 1])]);
    expect(canRaiseOpset(model, 13)).toEqual({
      ok: false,
      reason: "Softmax 'y' can't be raised to opset 13: it works on axis 1 of a value of unknown rank",
    });
    expect(canRaiseOpset(model, 13, facts)).toEqual({ ok: true });
    expect(await outputsOf(withOpset(model, '', 13, facts))).toEqual(await outputsOf(model));
  });

  it('nodes in graphs inside nodes', async () => {
    const branch = (name: string) =>
      aGraph({
        name,
        nodes: [
          nodeOf('ReduceMean', ['x'], [`${name}_mean`], { attributes: { axes: [3] } }),
          nodeOf('Unsqueeze', [`${name}_mean`], [`${name}_y`], { attributes: { axes: [0] } }),
        ],
        outputs: [aValue(`${name}_y`)],
      });
    const model = aModel(
      {
        inputs: [aValue('x', [1, 2, 4, 6])],
        outputs: [aValue('y')],
        nodes: [
          nodeOf('If', ['condition'], ['y'], {
            attributes: { then_branch: { graph: branch('a') }, else_branch: { graph: branch('b') } },
          }),
        ],
        initializers: [tensorOf('condition', DataType.bool, [], Uint8Array.of(1))],
      },
      { opsets: [{ domain: '', version: 11 }] },
    );
    const raised = withOpset(model, '', 18);
    expect(raised.graph.initializers).toHaveLength(5);
    expect(await outputsOf(raised)).toEqual(await outputsOf(model));
  });
});

describe('raising the opset', () => {
  it.each([
    ['Softmax', single(11, 'Softmax', { axis: 1 }), 'opset 13: it works on axis 1 and all behind it'],
    ['Hardmax', single(11, 'Hardmax'), 'opset 13: it works on axis 1 and all behind it'],
    [
      'Resize',
      single(10, 'Resize'),
      'opset 11: it rounds in another way unless it is known to make nothing smaller',
    ],
    [
      'Resize',
      enlarged(10, 'Resize', [1, 1, 2, 0.5], 'nearest'),
      'opset 11: it rounds in another way unless it is known to make nothing smaller',
    ],
    ['Upsample', single(8, 'Upsample'), 'opset 9: it has no scales'],
    [
      'GroupNormalization',
      single(18, 'GroupNormalization'),
      'opset 21: it scales by channel rather than by group',
    ],
    ['Dropout', single(9, 'Dropout', {}, ['y', 'm']), 'opset 10: it gives its mask in another type'],
    ['BatchNormalization', single(9, 'BatchNormalization', {}, ['y', 'm']), 'opset 14: it has other outputs'],
    [
      'AveragePool',
      single(11, 'AveragePool', { kernel_shape: [3, 3], ceil_mode: 1, count_include_pad: 1 }),
      'opset 19: it divides by another number where it reaches over the end',
    ],
    ['DFT', single(17, 'DFT'), 'opset 20: it takes its axis in another way'],
  ])('refuses %s, which would mean something else', (opType, model, reason) => {
    expect(canRaiseOpset(model, 21)).toEqual({
      ok: false,
      reason: `${opType} 'y' can't be raised to ${reason}`,
    });
    expect(() => withOpset(model, '', 21)).toThrow(OnnxError);
  });

  it('adapts modes to their new names', () => {
    const attributesOf = (model: OnnxModel) =>
      withOpset(model, '', 21).graph.nodes[0]?.attributes.map(({ name, value }) => [
        name,
        String.fromCharCode(...(value as Uint8Array)),
      ]);
    expect(attributesOf(single(16, 'GridSample', { mode: 'bicubic' }))).toEqual([['mode', 'cubic']]);
    expect(attributesOf(single(16, 'GridSample'))).toEqual([['mode', 'linear']]);
    expect(attributesOf(single(11, 'RoiAlign'))).toEqual([
      ['coordinate_transformation_mode', 'output_half_pixel'],
    ]);
  });

  it('renames Scatter', () => {
    expect(withOpset(single(9, 'Scatter'), '', 13).graph.nodes[0]?.opType).toBe('ScatterElements');
  });

  it('gives names that nobody else has', () => {
    const model = single(11, 'Squeeze', { axes: [0] });
    const taken = { ...model, graph: { ...model.graph, initializers: [intsTensor('y_axes', [1])] } };
    expect(withOpset(taken, '', 13).graph.nodes[0]?.inputs).toEqual(['x', 'y_axes_1']);
  });

  it('keeps ends that no number can hold', () => {
    const node = nodeOf('Slice', ['x'], ['y'], { attributes: { starts: [0] } });
    const ends = { name: 'ends', type: 'ints', value: [2n ** 63n - 1n], rest: NO_BYTES } as const;
    const raised = withOpset(of(9, { ...node, attributes: [...node.attributes, ends] }), '', 13);
    expect(raised.graph.initializers.find(({ name }) => name === 'y_ends')).toEqual(
      intsTensor('y_ends', [2n ** 63n - 1n]),
    );
  });

  it('shares what need not change', () => {
    const model = single(13, 'Relu');
    const raised = withOpset(model, '', 21);
    expect(raised.graph).toBe(model.graph);
    expect(withOpset(model, '', 13)).toBe(model);
    expect(withOpset(model, '', 9)).toBe(model);
  });

  it('leaves other domains alone', () => {
    const node = nodeOf('Squeeze', ['x'], ['y'], { domain: 'com.example', attributes: { axes: [0] } });
    expect(withOpset(of(11, node), '', 13).graph.nodes[0]).toBe(node);
  });

  it.each([
    ["opset 6 can't be raised to 13: opsets from 7 can be raised to at most 25", single(6, 'Relu'), 13],
    ["opset 13 can't be raised to 99: opsets from 7 can be raised to at most 25", single(13, 'Relu'), 99],
    [
      "opset 13 can't be raised to 21: the model has functions of its own in it",
      {
        ...single(13, 'Relu'),
        functions: [
          { name: 'f', domain: 'd', opsets: [{ domain: '', version: 13 }], nodes: [], rest: NO_BYTES },
        ],
      },
      21,
    ],
  ])('says what it does not know: %s', (reason, model, version) => {
    expect(canRaiseOpset(model, version)).toEqual({ ok: false, reason });
  });
});

describe('withOpset', () => {
  it('adds a domain', () => {
    const model = single(17, 'Relu');
    const added = withOpset(model, 'com.microsoft', 1);
    expect(added.opsets).toEqual([...model.opsets, { domain: 'com.microsoft', version: 1 }]);
    expect(withOpset(added, 'com.microsoft', 1)).toBe(added);
  });

  it('raises another domain only where no node is of it', () => {
    const opsets = [{ domain: 'com.example', version: 1 }];
    const unused = { ...single(17, 'Relu'), opsets };
    expect(withOpset(unused, 'com.example', 2).opsets).toEqual([{ domain: 'com.example', version: 2 }]);
    const used = { ...of(17, nodeOf('Own', ['x'], ['y'], { domain: 'com.example' })), opsets };
    expect(() => withOpset(used, 'com.example', 2)).toThrow(
      new OnnxError('the operators of com.example 1 may mean something else in 2'),
    );
  });
});

describe('withIrVersion', () => {
  it('takes initializers out of the inputs where nobody could override them', () => {
    const model = aModel(
      { inputs: [aValue('x'), aValue('w')], initializers: [floatsTensor('w', [1])] },
      { irVersion: 3 },
    );
    expect(withIrVersion(model, 8).graph.inputs).toEqual([aValue('x')]);
    expect(withIrVersion(model, 3)).toBe(model);
    const later = { ...model, irVersion: 7 };
    expect(withIrVersion(later, 8)).toEqual({ ...later, irVersion: 8 });
  });
});
