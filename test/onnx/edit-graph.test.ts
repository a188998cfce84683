import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floatsTensor, nodeOf } from '#naiad/onnx/build.js';
import { checkModel } from '#naiad/onnx/check-model.js';
import {
  insertNodes,
  putInitializers,
  redirectUses,
  removeDead,
  renameValues,
  replaceNodes,
} from '#naiad/onnx/edit-graph.js';
import type { OnnxGraph } from '#naiad/onnx/model.js';
import { sortNodes } from '#naiad/onnx/sort-nodes.js';
import { aGraph, aModel, aValue } from './a-model.js';

const relu = nodeOf('Relu', ['x'], ['a']);
const exp = nodeOf('Exp', ['a'], ['y']);
const chain = aGraph({
  inputs: [aValue('x')],
  outputs: [aValue('y')],
  nodes: [relu, exp],
  valueInfos: [aValue('a')],
});

/** If whose branch gives w + 1 of the graph around it. */
const choose = (inner: Partial<OnnxGraph> = {}) =>
  nodeOf('If', ['c'], ['z'], {
    attributes: {
      then_branch: {
        graph: aGraph({ nodes: [nodeOf('Add', ['w', 'one'], ['sum'])], outputs: [aValue('sum')], ...inner }),
      },
    },
  });
const innerOf = (graph: OnnxGraph): OnnxGraph => {
  const attribute = graph.nodes.flatMap(({ attributes }) => attributes).find(({ type }) => type === 'graph');
  if (attribute?.type !== 'graph') throw new Error('there is no graph inside');
  return attribute.value;
};

describe('replaceNodes', () => {
  it('puts nodes where another one was, and shares the others', () => {
    const [first, second] = [nodeOf('Neg', ['x'], ['b']), nodeOf('Abs', ['b'], ['a'])];
    const edited = replaceNodes(chain, new Map([[relu, [first, second]]]));
    expect(edited.nodes).toEqual([first, second, exp]);
    expect(edited.nodes[2]).toBe(exp);
    expect(edited.inputs).toBe(chain.inputs);
    expect(replaceNodes(chain, new Map([[exp, []]])).nodes).toEqual([relu]);
    expect(replaceNodes(chain, new Map())).toBe(chain);
  });

  it('keeps the topological order', () => {
    const swapped = new Map([
      [relu, [nodeOf('Relu', ['y'], ['a'])]],
      [exp, [nodeOf('Exp', ['x'], ['y'])]],
    ]);
    expect(replaceNodes(chain, swapped).nodes.map(({ opType }) => opType)).toEqual(['Exp', 'Relu']);
  });
});

describe('insertNodes', () => {
  it('puts a node before those that use it', () => {
    const edited = insertNodes(redirectUses(chain, new Map([['a', 'b']])), [nodeOf('Neg', ['a'], ['b'])]);
    expect(edited.nodes.map(({ opType }) => opType)).toEqual(['Relu', 'Neg', 'Exp']);
    expect(insertNodes(chain, [])).toBe(chain);
  });
});

describe('sortNodes', () => {
  it('gives the very list when it is in order', () => {
    expect(sortNodes(chain.nodes)).toBe(chain.nodes);
  });

  it('puts any nodes without a circle in order', () => {
    // Node i takes values of some nodes before it; then they are shuffled.
    const nodes = fc
      .array(fc.array(fc.nat(), { maxLength: 3 }), { maxLength: 30 })
      .map((lists) =>
        lists.map((list, index) =>
          nodeOf(
            'Sum',
            ['x', ...list.filter(() => index > 0).map((from) => `v${from % index}`)],
            [`v${index}`],
          ),
        ),
      );
    const shuffled = nodes.chain((list) => fc.shuffledSubarray(list, { minLength: list.length }));
    fc.assert(
      fc.property(shuffled, (list) => {
        const sorted = sortNodes(list);
        expect(new Set(sorted)).toEqual(new Set(list));
        expect(() => checkModel(aModel({ inputs: [aValue('x')], nodes: sorted }))).not.toThrow();
      }),
    );
  });

  it('manages a chain of 100,000 nodes that stands the wrong way round', () => {
    const count = 100_000;
    const nodes = Array.from({ length: count }, (_, index) =>
      nodeOf('Relu', [`v${index + 1}`], [`v${index}`]),
    );
    expect(sortNodes(nodes)[0]?.outputs).toEqual([`v${count - 1}`]);
  });

  it('counts what a graph inside takes from outside', () => {
    const maker = nodeOf('Relu', ['x'], ['w']);
    expect(sortNodes([choose(), maker]).map(({ opType }) => opType)).toEqual(['Relu', 'If']);
  });
});

describe('putInitializers', () => {
  it('adds tensors and replaces those of the same name', () => {
    const [a, b, c] = [floatsTensor('a', [1]), floatsTensor('b', [2]), floatsTensor('a', [3])];
    expect(putInitializers(aGraph({ initializers: [a, b] }), [c]).initializers).toEqual([b, c]);
  });
});

describe('removeDead', () => {
  it('leaves what the outputs need', () => {
    const graph = aGraph({
      ...chain,
      nodes: [nodeOf('Neg', ['w'], ['n']), relu, nodeOf('Add', ['n', 'a'], ['dead']), exp],
      initializers: [floatsTensor('w', [1]), floatsTensor('v', [1])],
      valueInfos: [aValue('a'), aValue('n')],
    });
    expect(removeDead(graph)).toEqual({
      ...graph,
      nodes: [relu, exp],
      initializers: [],
      valueInfos: [aValue('a')],
    });
  });

  it('keeps all outputs of a node that is used for one', () => {
    const split = nodeOf('Split', ['x'], ['y', 'other']);
    expect(removeDead(aGraph({ nodes: [split], outputs: [aValue('y')] })).nodes).toEqual([split]);
  });

  it('keeps what graphs inside nodes use', () => {
    const graph = aGraph({
      nodes: [nodeOf('Relu', ['x'], ['w']), choose()],
      initializers: [floatsTensor('one', [1]), floatsTensor('two', [2])],
      outputs: [aValue('z')],
    });
    const left = removeDead(graph);
    expect(left.nodes).toEqual(graph.nodes);
    expect(left.initializers).toEqual([floatsTensor('one', [1])]);
  });

  it('keeps inputs and their defaults, and initializers that are given out', () => {
    const graph = aGraph({
      inputs: [aValue('d')],
      outputs: [aValue('o')],
      initializers: ['d', 'o', 'u'].map((name) => floatsTensor(name, [1])),
    });
    expect(removeDead(graph).initializers.map(({ name }) => name)).toEqual(['d', 'o']);
  });
});

describe('renameValues', () => {
  it('renames a value where it is made, used and described', () => {
    const renamed = renameValues(chain, new Map([['a', 'b']]));
    expect(renamed.nodes.map(({ inputs, outputs }) => [inputs, outputs])).toEqual([
      [['x'], ['b']],
      [['b'], ['y']],
    ]);
    expect(renamed.valueInfos).toEqual([aValue('b')]);
  });

  it('leaves the names of inputs and outputs to callers', () => {
    const renamed = renameValues(
      chain,
      new Map([
        ['x', 'x0'],
        ['y', 'y0'],
      ]),
    );
    expect([renamed.inputs, renamed.outputs]).toEqual([chain.inputs, chain.outputs]);
    expect(renamed.nodes.map(({ inputs, outputs }) => [...inputs, ...outputs])).toEqual([
      ['x0', 'a'],
      ['a', 'y0'],
    ]);
  });

  it('renames initializers without reading them', () => {
    const elsewhere = {
      ...floatsTensor('w', [1]),
      get data(): Uint8Array {
        throw new Error('nobody needs them');
      },
    };
    const graph = { ...aGraph({ nodes: [nodeOf('Relu', ['w'], ['y'])] }), initializers: [elsewhere] };
    expect(renameValues(graph, new Map([['w', 'v']])).initializers[0]?.name).toBe('v');
  });

  it('reaches into graphs inside nodes, unless they hide the name', () => {
    const names = new Map([['w', 'v']]);
    const graph = renameValues(aGraph({ nodes: [nodeOf('Relu', ['x'], ['w']), choose()] }), names);
    expect(innerOf(graph).nodes[0]?.inputs).toEqual(['v', 'one']);
    const hidden = aGraph({ nodes: [choose({ initializers: [floatsTensor('w', [1])] })] });
    expect(renameValues(hidden, names).nodes[0]).toBe(hidden.nodes[0]);
    const passed = aGraph({ nodes: [choose({ nodes: [], outputs: [aValue('w')] })] });
    expect(innerOf(renameValues(passed, names)).outputs).toEqual([aValue('v')]);
  });
});

describe('redirectUses', () => {
  it('lets some nodes use another value', () => {
    const graph = aGraph({ nodes: [nodeOf('Relu', ['x'], ['a']), nodeOf('Neg', ['x'], ['b'])] });
    const edited = redirectUses(graph, new Map([['x', 'q']]), ({ opType }) => opType === 'Neg');
    expect(edited.nodes.map(({ inputs }) => inputs)).toEqual([['x'], ['q']]);
    expect(edited.nodes[0]).toBe(graph.nodes[0]);
  });
});
