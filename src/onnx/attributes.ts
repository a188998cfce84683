import { Buffer } from 'node:buffer';
import {
  NO_BYTES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxInt,
  type OnnxNode,
  type OnnxTensor,
} from './model.js';
import { OnnxError } from './onnx-error.js';

/** Values from which {@link attributesOf} can tell the type; floats say that they are. */
export type AttributeValue =
  | number
  | bigint
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };

/** Attributes by name: numbers are INT, lists of them INTS, text STRING. */
export function attributesOf(values: Readonly<Record<string, AttributeValue>>): readonly OnnxAttribute[] {
  return Object.entries(values).map(([name, value]) => attribute(name, value));
}

/** The attribute called `name`, null when the node leaves it out. */
export function attributeOf(node: OnnxNode, name: string): OnnxAttribute | null {
  return node.attributes.find((each) => each.name === name) ?? null;
}

/** An INT attribute or its default. Throws OnnxError when it has another type or no number can hold it. */
export function intAttribute<D>(node: OnnxNode, name: string, fallback: D): number | D {
  const found = attributeOf(node, name);
  if (found === null) return fallback;
  if (found.type !== 'int') throw wrongType(node, found, 'int');
  return asNumber(found.value, node, name);
}

/** An INTS attribute or its default. Throws OnnxError as `intAttribute` does. */
export function intsAttribute<D>(node: OnnxNode, name: string, fallback: D): readonly number[] | D {
  const found = attributeOf(node, name);
  if (found === null) return fallback;
  if (found.type !== 'ints') throw wrongType(node, found, 'ints');
  return found.value.map((value) => asNumber(value, node, name));
}

/** A FLOAT attribute or its default. Throws OnnxError when it has another type. */
export function floatAttribute<D>(node: OnnxNode, name: string, fallback: D): number | D {
  const found = attributeOf(node, name);
  if (found === null) return fallback;
  if (found.type !== 'float') throw wrongType(node, found, 'float');
  return found.value;
}

/** A STRING attribute as text or its default. Throws OnnxError when it has another type. */
export function stringAttribute<D>(node: OnnxNode, name: string, fallback: D): string | D {
  const found = attributeOf(node, name);
  if (found === null) return fallback;
  if (found.type !== 'string') throw wrongType(node, found, 'string');
  return Buffer.from(found.value).toString('utf8');
}

/** The node without the attribute called `name`. */
export function withoutAttribute(node: OnnxNode, name: string): OnnxNode {
  return { ...node, attributes: node.attributes.filter((each) => each.name !== name) };
}

/** The node with `values` in place of attributes of the same names. */
export function withAttributes(node: OnnxNode, values: Readonly<Record<string, AttributeValue>>): OnnxNode {
  const kept = node.attributes.filter(({ name }) => !Object.hasOwn(values, name));
  return { ...node, attributes: [...kept, ...attributesOf(values)] };
}

function attribute(name: string, value: AttributeValue): OnnxAttribute {
  const base = { name, rest: NO_BYTES };
  if (typeof value === 'number' || typeof value === 'bigint') return { ...base, type: 'int', value };
  if (typeof value === 'string') return { ...base, type: 'string', value: new TextEncoder().encode(value) };
  if ('float' in value) return { ...base, type: 'float', value: Math.fround(value.float) };
  if ('floats' in value) return { ...base, type: 'floats', value: value.floats.map(Math.fround) };
  if ('tensor' in value) return { ...base, type: 'tensor', value: value.tensor };
  if ('graph' in value) return { ...base, type: 'graph', value: value.graph };
  return { ...base, type: 'ints', value };
}

function asNumber(value: OnnxInt, node: OnnxNode, name: string): number {
  if (typeof value === 'number') return value;
  throw new OnnxError(`${node.opType} '${node.name}' has ${name} = ${value}, which is out of range`);
}

function wrongType(node: OnnxNode, found: OnnxAttribute, wanted: string): OnnxError {
  return new OnnxError(
    `${node.opType} '${node.name}' has the attribute ${found.name} of type ${found.type}, not ${wanted}`,
  );
}
