import { valueInfoOf } from './build.js';
import { DataType } from './data-type.js';
import type { OnnxDim, OnnxGraph, OnnxValueInfo } from './model.js';

/** What is known of values, by name. */
export type ValueFacts = ReadonlyMap<string, OnnxValueInfo>;

/** What the file says of the values of `graph`: its inputs, outputs, initializers and value infos. */
export function factsOf(graph: OnnxGraph): ValueFacts {
  const initializers = graph.initializers.map(({ name, dataType, dims }) =>
    valueInfoOf(name, dataType, dims),
  );
  return valueFacts([...initializers, ...graph.inputs, ...graph.outputs, ...graph.valueInfos]);
}

/**
 * Merges facts about values from several sources, such as a file and the graph that a runtime has made of it.
 * A size counts more than the name of one, a name more than nothing; of several names the first stays. What the
 * sources contradict each other in is unknown.
 */
export function valueFacts(...sources: readonly Iterable<OnnxValueInfo>[]): ValueFacts {
  const groups = new Map<string, [OnnxValueInfo, ...OnnxValueInfo[]]>();
  for (const source of sources) {
    for (const info of source) {
      const group = groups.get(info.name);
      if (group === undefined) groups.set(info.name, [info]);
      else group.push(info);
    }
  }
  return new Map([...groups].map(([name, group]) => [name, group.length === 1 ? group[0] : merged(group)]));
}

function merged(infos: readonly [OnnxValueInfo, ...OnnxValueInfo[]]): OnnxValueInfo {
  const other = infos.find(({ otherType }) => otherType !== null);
  if (other !== undefined) return other;
  const types = infos.map(({ elemType }) => elemType).filter((elemType) => elemType !== DataType.undefined);
  return {
    ...infos[0],
    elemType: theOnly(types) ?? DataType.undefined,
    shape: mergedShape(infos.flatMap(({ shape }) => (shape === null ? [] : [shape]))),
    typeNotes: infos.find(({ typeNotes }) => typeNotes !== null)?.typeNotes ?? null,
  };
}

function mergedShape(shapes: readonly (readonly OnnxDim[])[]): readonly OnnxDim[] | null {
  const rank = theOnly(shapes.map(({ length }) => length));
  if (rank === null) return null;
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis] ?? null);
    const sizes = dims.filter((dim) => typeof dim === 'number');
    return sizes.length > 0 ? theOnly(sizes) : (dims.find((dim) => dim !== null) ?? null);
  });
}

/** The value that all of `values` are; null when there is none, or another. */
function theOnly(values: readonly number[]): number | null {
  const [first] = values;
  return first !== undefined && values.every((value) => value === first) ? first : null;
}
