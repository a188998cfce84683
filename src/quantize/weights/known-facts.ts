import { valueInfoOf } from '../../onnx/build.js';
import type { OnnxModel } from '../../onnx/model.js';
import { factsOf, type ValueFacts, valueFacts } from '../../onnx/value-facts.js';
import type { MethodContext } from '../method.js';

/** What the file and the context say of the values of a model, together. */
export function knownFacts({ graph }: OnnxModel, { facts }: MethodContext): ValueFacts {
  const told = [...facts].map(([name, { elemType, shape }]) => {
    const sizes = shape.map((size) => (size < 0 ? null : size));
    return valueInfoOf(name, elemType, sizes);
  });
  return valueFacts(factsOf(graph).values(), told);
}
