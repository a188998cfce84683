import { didYouMean } from '../lib/did-you-mean.js';
import type { QuantizationSpec } from '../model-config/quantization.js';
import type { OnnxModel } from '../onnx/model.js';
import { nameOf } from './static/selection.js';

/** Names that are told, of what may be a list of them all. */
const TOLD_MAX = 10;

/**
 * A text for each name of a specification's `include`, `exclude` and `keep_ops` that none of the models, forms of
 * one, has a node or an operator for: it changes nothing, which was hardly meant.
 */
export function strayNames(
  { include, exclude, keepOps }: Pick<QuantizationSpec, 'include' | 'exclude' | 'keepOps'>,
  models: readonly OnnxModel[],
): string[] {
  const nodes = models.flatMap(({ graph }) => graph.nodes);
  const operators = new Set(nodes.map(({ opType }) => opType));
  const known = new Set([...operators, ...nodes.map(nameOf)]);
  return [
    ...strays('include', include, known, 'node or operator'),
    ...strays('exclude', exclude, known, 'node or operator'),
    ...strays('keep_ops', keepOps, operators, 'operator'),
  ].slice(0, TOLD_MAX);
}

function strays(
  setting: string,
  names: readonly string[],
  known: ReadonlySet<string>,
  what: string,
): string[] {
  const unknown = names.filter((name) => !known.has(name)).slice(0, TOLD_MAX);
  return unknown.map((name) => `${setting}: there is no ${what} '${name}'${didYouMean(name, known)}`);
}
