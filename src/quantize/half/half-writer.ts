import { attributeOf, withAttributes } from '../../onnx/attributes.js';
import { floatScalar, nodeOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { opsetOf } from '../../onnx/opset.js';
import { outerNames } from '../../onnx/subgraphs.js';
import { UniqueNames } from '../../onnx/unique-names.js';
import { isFloatInput, isLimiting, isMeasuring, isMoving, typeAttribute } from './half-operators.js';
import type { HalfPlan } from './half-plan.js';
import { BOUND, type HalfTensor, halfTensor } from './half-tensor.js';

/** Clip takes its limits as inputs since this opset. */
const CLIP_INPUTS_OPSET = 11;

/** A constant of the graph and what it became. */
export interface HalfConstant {
  readonly tensor: OnnxTensor;
  readonly half: HalfTensor;
}

/**
 * Carries out a plan, node by node in order. A value in floats keeps its name, so inputs, outputs and graphs
 * inside nodes find what they take; its half has a name of its own. Either is made of the other where it is first
 * needed, and then used by all.
 */
export class HalfWriter {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #view: GraphView;
  readonly #plan: HalfPlan;
  readonly #opset: number;
  readonly #names: UniqueNames;
  /** Names of the halves of values. */
  readonly #halves = new Map<string, string>();
  /** Values that half nodes make, and that have been made floats. */
  readonly #widened = new Set<string>();
  readonly #constants = new Map<string, HalfConstant>();
  #limits: readonly [string, string] | null = null;

  constructor(model: OnnxModel, view: GraphView, plan: HalfPlan) {
    this.#view = view;
    this.#plan = plan;
    this.#opset = opsetOf(model, '') ?? 1;
    this.#names = new UniqueNames(model);
  }

  add(node: OnnxNode): void {
    if (this.#plan.halves.has(node)) this.#addHalf(node);
    else if (isMeasuring(node)) {
      // The shape is that of either.
      const [input = ''] = node.inputs;
      this.nodes.push({ ...node, inputs: [this.#isMadeHalf(input) ? this.#half(input) : input] });
    } else {
      for (const name of node.inputs) this.#takeFloat(name);
      for (const name of outerNames(node)) this.#takeFloat(name);
      this.nodes.push(node);
    }
  }

  /** Makes an output of the graph what it was. */
  giveOut(name: string): void {
    this.#takeFloat(name);
  }

  /** The half of the constant called `name` as `node` gets it; null when it is none. */
  constant(name: string, node: OnnxNode): HalfConstant | null {
    const tensor = this.#plan.isFloat(name) ? this.#view.constantOf(name) : null;
    if (tensor === null) return null;
    const limit = isLimiting(node);
    const key = `${limit} ${tensor.name}`;
    let constant = this.#constants.get(key);
    if (constant === undefined) {
      constant = { tensor, half: halfTensor(tensor, this.#names.take(`${tensor.name}_half`), limit) };
      this.tensors.push(constant.half.tensor);
      this.#constants.set(key, constant);
    }
    return constant;
  }

  #addHalf(node: OnnxNode): void {
    const inputs = node.inputs.map((name, input) => {
      if (!this.#plan.isFloat(name)) return name;
      return isFloatInput(node, input) ? this.#takeFloat(name) : this.#takeHalf(name, node);
    });
    const outputs = node.outputs.map((name) => (this.#plan.isFloat(name) ? this.#half(name) : name));
    this.nodes.push({ ...this.#inHalf(node), inputs, outputs });
  }

  /** The node with attributes that name the type of what it makes. */
  #inHalf(node: OnnxNode): OnnxNode {
    if (!this.#plan.isFloat(node.outputs[0] ?? '')) return node;
    const name = typeAttribute(node);
    if (name !== null) return withAttributes(node, { [name]: DataType.float16 });
    if (node.opType !== 'ConstantOfShape') return node;
    const value = attributeOf(node, 'value');
    const tensor = value?.type === 'tensor' ? value.value : { ...floatScalar('', 0), dims: [1] };
    return withAttributes(node, {
      value: { tensor: halfTensor(tensor, tensor.name, false).tensor },
    });
  }

  #takeHalf(name: string, node: OnnxNode): string {
    const constant = this.constant(name, node);
    if (constant !== null) return constant.half.tensor.name;
    if (this.#isMadeHalf(name) || this.#halves.has(name)) return this.#half(name);
    const half = this.#half(name);
    this.#cast(this.#isWide(name) ? this.#clipped(name) : name, half, DataType.float16);
    return half;
  }

  #takeFloat(name: string): string {
    if (this.#isMadeHalf(name) && !this.#widened.has(name)) {
      this.#widened.add(name);
      this.#cast(this.#half(name), name, DataType.float);
    }
    return name;
  }

  /** Whether a half node makes this value. */
  #isMadeHalf(name: string): boolean {
    const producer = this.#plan.isFloat(name) ? this.#view.producerOf(name) : null;
    return producer !== null && this.#plan.halves.has(producer);
  }

  /** Whether the value may be out of range where it is made. */
  #isWide(name: string): boolean {
    const producer = this.#view.producerOf(name);
    if (producer === null || this.#plan.halves.has(producer)) return false;
    return (
      this.#plan.wide.has(producer) ||
      (isMoving(producer) && producer.inputs.some((each) => this.#isWide(each)))
    );
  }

  #half(name: string): string {
    let half = this.#halves.get(name);
    if (half === undefined) {
      half = this.#names.take(`${name}_half`);
      this.#halves.set(name, half);
    }
    return half;
  }

  #cast(from: string, to: string, type: number): void {
    const name = this.#names.take(`${to}_cast`);
    this.nodes.push(nodeOf('Cast', [from], [to], { name, attributes: { to: type } }));
  }

  /** The value within what half precision holds, with room for something that is added. */
  #clipped(name: string): string {
    const clipped = this.#names.take(`${name}_clipped`);
    const parts = { name: this.#names.take(`${name}_clip`) };
    if (this.#opset < CLIP_INPUTS_OPSET) {
      const attributes = { min: { float: -BOUND }, max: { float: BOUND } };
      this.nodes.push(nodeOf('Clip', [name], [clipped], { ...parts, attributes }));
    } else this.nodes.push(nodeOf('Clip', [name, ...this.#limitNames()], [clipped], parts));
    return clipped;
  }

  #limitNames(): readonly [string, string] {
    if (this.#limits === null) {
      this.#limits = [this.#names.take('half_min'), this.#names.take('half_max')];
      this.tensors.push(floatScalar(this.#limits[0], -BOUND), floatScalar(this.#limits[1], BOUND));
    }
    return this.#limits;
  }
}
