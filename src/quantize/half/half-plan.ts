import { attributeOf } from '../../onnx/attributes.js';
import { DataType } from '../../onnx/data-type.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { opsetOf } from '../../onnx/opset.js';
import { outerNames, subgraphsOf } from '../../onnx/subgraphs.js';
import type { MethodContext } from '../method.js';
import { keptBy } from '../static/selection.js';
import { elementTypes } from './element-types.js';
import { HALF_MAX, HALF_MIN_NORMAL } from './float16.js';
import {
  delicacyOf,
  givesFloats,
  halfSince,
  isLayer,
  isLimiting,
  isMeasuring,
  isMoving,
  isPeriodic,
  isSensitive,
} from './half-operators.js';
import { extentOf, type FloatExtent } from './half-tensor.js';

/** Which nodes of a graph compute in half precision. */
export interface HalfPlan {
  /** Nodes that do. */
  readonly halves: ReadonlySet<OnnxNode>;
  /** Nodes with floats that do not, and why; '' where they only stand between such. */
  readonly floats: ReadonlyMap<OnnxNode, string>;
  /** Those among them whose results may be out of range. */
  readonly wide: ReadonlySet<OnnxNode>;
  /** Opsets, newer than the model's, in which more nodes would. */
  readonly newerOpsets: ReadonlySet<number>;
  /** Whether a value is FLOAT in the graph as it was. */
  readonly isFloat: (name: string) => boolean;
}

/**
 * Decides by operators, by the specification, and by what half precision can hold. Throws an Error for people
 * when weights hold NaN or infinities, which masks may.
 */
export function planHalf(model: OnnxModel, view: GraphView, context: MethodContext): HalfPlan {
  const plan = new Planning(model, view, context);
  plan.classify();
  plan.keepPhases();
  plan.keepSensitive();
  plan.joinMoving();
  return plan;
}

const NO_EXTENT: FloatExtent = { greatest: 0, hasBoundless: false, finite: true };

class Planning implements HalfPlan {
  readonly halves = new Set<OnnxNode>();
  readonly floats = new Map<OnnxNode, string>();
  readonly wide = new Set<OnnxNode>();
  readonly newerOpsets = new Set<number>();
  /** Kept since their numbers are too small or too delicate. */
  readonly #delicate = new Set<OnnxNode>();
  readonly #view: GraphView;
  readonly #context: MethodContext;
  readonly #opset: number;
  readonly #types: ReadonlyMap<string, number>;
  readonly #functions: ReadonlySet<string>;
  readonly #extents = new Map<string, FloatExtent>();

  constructor(model: OnnxModel, view: GraphView, context: MethodContext) {
    this.#view = view;
    this.#context = context;
    this.#opset = opsetOf(model, '') ?? 1;
    this.#types = elementTypes(view, context.facts);
    this.#functions = new Set(model.functions.map(({ domain, name }) => `${domain}:${name}`));
  }

  readonly isFloat = (name: string): boolean => name !== '' && this.#types.get(name) === DataType.float;

  classify(): void {
    const { nodes } = this.#view.graph;
    const computing = nodes.filter((node) => this.#hasFloats(node));
    const layers = computing.filter((node) => node.inputs.some((name) => this.#weight(name) !== null));
    const keptBySpec = keptBy(this.#context.spec, this.#view, new Set(layers));
    for (const node of computing) {
      const reason = this.#refuse(node) ?? keptBySpec(node);
      if (reason !== null) this.floats.set(node, reason);
      else {
        const numeric = this.#refuseNumbers(node);
        if (numeric === null) this.halves.add(node);
        else this.floats.set(node, numeric);
      }
    }
  }

  /** Nodes whose results all go into sines and cosines need the digits that these do. */
  keepPhases(): void {
    const phases = new Set<OnnxNode>();
    for (const node of this.#view.graph.nodes.toReversed()) {
      const isPhase =
        isPeriodic(node) ||
        node.outputs.every((name) => {
          const users = this.#view.consumersOf(name);
          return (
            name === '' ||
            (users.length > 0 && !this.#view.isGraphOutput(name) && users.every((user) => phases.has(user)))
          );
        });
      if (!isPhase) continue;
      phases.add(node);
      if (this.halves.has(node)) this.#keep(node, 'angles need more digits');
    }
  }

  /** Behind numbers that half precision has no room for: roots, quotients and means. */
  keepSensitive(): void {
    for (const node of this.#view.graph.nodes) {
      if (!this.halves.has(node) || !isSensitive(node)) continue;
      const source = node.inputs
        .map((name) => this.#view.producerOf(name))
        .find((producer) => producer !== null && this.#delicate.has(producer));
      if (source === undefined || source === null) continue;
      this.#keep(node, `it makes much of what ${source.opType} gives`);
      this.#delicate.add(node);
    }
  }

  /** Nodes that only move numbers from kept ones to kept ones stay in floats too. */
  joinMoving(): void {
    let before = -1;
    while (before !== this.halves.size) {
      before = this.halves.size;
      for (const node of this.halves) {
        if (isMoving(node) && this.#isAmongFloats(node)) this.#keep(node, '');
      }
    }
  }

  #keep(node: OnnxNode, reason: string): void {
    this.halves.delete(node);
    this.floats.set(node, reason);
  }

  #hasFloats(node: OnnxNode): boolean {
    if (isMeasuring(node) || this.#isConstant(node)) return false;
    return [...node.inputs, ...node.outputs, ...outerNames(node)].some(this.isFloat);
  }

  /** Constants have no precision of their own: each user gets them in its own. */
  #isConstant(node: OnnxNode): boolean {
    return this.#view.constantOf(node.outputs[0] ?? '') !== null;
  }

  #refuse(node: OnnxNode): string | null {
    const { opType, domain } = node;
    if (subgraphsOf(node).length > 0) return 'it runs graphs of its own';
    if (this.#functions.has(`${domain}:${opType}`)) return 'it is a function of the model';
    const since = halfSince(node);
    if (since === null) return `${opType} has no kernel in half precision`;
    if (domain === '' && since > this.#opset) {
      this.newerOpsets.add(since);
      return `${opType} computes in half precision since opset ${since}; the model has ${this.#opset}`;
    }
    if (givesFloats(node)) return 'some of its outputs are never in half precision';
    return this.#context.spec.keepOps.includes(opType) ? `${opType} is kept in single precision` : null;
  }

  /** Why the numbers of the node are out of range; remembers of what kind they are. */
  #refuseNumbers(node: OnnxNode): string | null {
    const delicacy = delicacyOf(node);
    if (delicacy !== null) {
      this.#delicate.add(node);
      return delicacy;
    }
    for (const name of [...node.inputs, ...node.outputs]) {
      const range = this.#context.ranges.get(name);
      const reach = range === undefined ? 0 : Math.max(-range.min, range.max);
      if (reach > HALF_MAX && this.isFloat(name)) {
        this.wide.add(node);
        return `'${name}' reaches ${reach.toPrecision(3)}`;
      }
    }
    if (isLimiting(node)) return null;
    for (const name of node.inputs) {
      const { greatest, finite } = this.#extent(name);
      if (!finite && this.#isWeight(node, name)) {
        throw new Error(`the weights '${name}' hold NaN or infinities`);
      }
      if (greatest > HALF_MAX) {
        this.wide.add(node);
        return `its constant '${name}' reaches ${greatest.toPrecision(3)}`;
      }
      if (greatest > 0 && greatest < HALF_MIN_NORMAL) {
        this.#delicate.add(node);
        return `its constant '${name}' reaches no more than ${greatest.toPrecision(3)}`;
      }
    }
    return this.#refuseFilling(node);
  }

  #refuseFilling(node: OnnxNode): string | null {
    if (node.opType !== 'ConstantOfShape') return null;
    const value = attributeOf(node, 'value');
    if (value?.type !== 'tensor' || extentOf(value.value).greatest <= HALF_MAX) return null;
    this.wide.add(node);
    return 'its value is out of range';
  }

  #extent(name: string): FloatExtent {
    const tensor = this.isFloat(name) ? this.#view.constantOf(name) : null;
    if (tensor === null) return NO_EXTENT;
    let extent = this.#extents.get(tensor.name);
    if (extent === undefined) {
      extent = extentOf(tensor);
      this.#extents.set(tensor.name, extent);
    }
    return extent;
  }

  #weight(name: string): OnnxTensor | null {
    const tensor = this.isFloat(name) ? this.#view.constantOf(name) : null;
    return tensor === null || tensor.dims.length < 2 ? null : tensor;
  }

  #isWeight(node: OnnxNode, name: string): boolean {
    return isLayer(node) && this.#weight(name) !== null;
  }

  #isAmongFloats(node: OnnxNode): boolean {
    const fromFloats = node.inputs.filter(this.isFloat).every((name) => {
      if (this.#view.constantOf(name) !== null) return true;
      const producer = this.#view.producerOf(name);
      return producer === null || this.floats.has(producer);
    });
    return (
      fromFloats &&
      node.outputs.every((name) =>
        this.#view.consumersOf(name).every((user) => !this.halves.has(user) || isMeasuring(user)),
      )
    );
  }
}
