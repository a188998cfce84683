/**
 * An ONNX model as plain data, whatever form the file had: rewrites are pure functions from model to model
 * that share what they leave alone. Bytes are views on the file's buffer and nobody writes to them.
 *
 * `rest` of a message holds the fields that are not modelled here (doc strings, metadata of nodes, fields of
 * a later ONNX) as they stood, tags included; they are written back behind the others.
 */
export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly graph: OnnxGraph;
  /** Functions of the model's own, which its nodes call like operators. */
  readonly functions: readonly OnnxFunction[];
  /** `metadata_props`, in the file's order. */
  readonly metadata: readonly OnnxProperty[];
  readonly rest: Uint8Array;
}

/** A set of operators the model is written in; '' is ONNX's own domain. */
export interface OnnxOpset {
  readonly domain: string;
  readonly version: number;
}

export interface OnnxProperty {
  readonly key: string;
  readonly value: string;
}

export interface OnnxGraph {
  readonly name: string;
  /** In topological order: what a node takes is made by nodes before it. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers: readonly OnnxSparseTensor[];
  /** Before IR version 4 the initializers are among the inputs too; in any version that gives an input a default. */
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  /** What the file says of values inside the graph. */
  readonly valueInfos: readonly OnnxValueInfo[];
  readonly rest: Uint8Array;
}

export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly opsets: readonly OnnxOpset[];
  readonly nodes: readonly OnnxNode[];
  /** Inputs, outputs and attributes among others. */
  readonly rest: Uint8Array;
}

export interface OnnxNode {
  /** May be ''; others are unique within a graph. */
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own domain; the file's `ai.onnx` is the same and reads as ''. */
  readonly domain: string;
  /** Names of values; '' stands where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
  readonly rest: Uint8Array;
}

interface AttributeBase {
  readonly name: string;
  readonly rest: Uint8Array;
}

/** An int64: a bigint only where a number can't hold it. */
export type OnnxInt = number | bigint;

/** A named constant of a node. Strings are bytes, since ONNX promises no encoding. */
export type OnnxAttribute = AttributeBase &
  (
    | { readonly type: 'float'; readonly value: number }
    | { readonly type: 'int'; readonly value: OnnxInt }
    | { readonly type: 'string'; readonly value: Uint8Array }
    | { readonly type: 'tensor'; readonly value: OnnxTensor }
    | { readonly type: 'graph'; readonly value: OnnxGraph }
    | { readonly type: 'sparse-tensor'; readonly value: OnnxSparseTensor }
    /** An encoded `TypeProto`. */
    | { readonly type: 'type'; readonly value: Uint8Array }
    | { readonly type: 'floats'; readonly value: readonly number[] }
    | { readonly type: 'ints'; readonly value: readonly OnnxInt[] }
    | { readonly type: 'strings'; readonly value: readonly Uint8Array[] }
    | { readonly type: 'tensors'; readonly value: readonly OnnxTensor[] }
    | { readonly type: 'graphs'; readonly value: readonly OnnxGraph[] }
    | { readonly type: 'sparse-tensors'; readonly value: readonly OnnxSparseTensor[] }
    | { readonly type: 'types'; readonly value: readonly Uint8Array[] }
    /** Inside a function: the value comes from the caller's attribute of this name; `code` is the type's number. */
    | { readonly type: 'reference'; readonly value: string; readonly code: number }
  );

export interface OnnxTensor {
  readonly name: string;
  /** One of `DataType`, or a number that a later ONNX gave. */
  readonly dataType: number;
  /** [] is a scalar. */
  readonly dims: readonly number[];
  /**
   * Row-major little-endian elements, whichever field or file they were stored in, elements under 8 bits
   * packed with the first in the lowest bits; of any alignment. Empty for strings. Elements in another file
   * are read when they are asked for, perhaps each time, and then OnnxError may be thrown.
   */
  readonly data: Uint8Array;
  /** The elements of a string tensor; [] for every other type. */
  readonly strings: readonly Uint8Array[];
  readonly rest: Uint8Array;
}

/** Its name is that of `values`. */
export interface OnnxSparseTensor {
  readonly values: OnnxTensor;
  readonly indices: OnnxTensor;
  readonly dims: readonly number[];
  readonly rest: Uint8Array;
}

/** A size; a name for a size that is the same wherever the name stands; null where nothing is known. */
export type OnnxDim = number | string | null;

export interface OnnxValueInfo {
  readonly name: string;
  /** One of `DataType`; undefined (0) where the type is unknown or not that of a dense tensor. */
  readonly elemType: number;
  /** null where not even the rank is known. */
  readonly shape: readonly OnnxDim[] | null;
  /** The encoded `TypeProto` of a sequence, map, optional or sparse tensor; null for dense tensors. */
  readonly otherType: Uint8Array | null;
  /** What else the file says of the type, by position in the shape; null nearly always. */
  readonly typeNotes: OnnxTypeNotes | null;
  readonly rest: Uint8Array;
}

/** Denotations and other fields of a tensor's `TypeProto` which are not modelled, encoded. */
export interface OnnxTypeNotes {
  readonly type: Uint8Array;
  readonly tensor: Uint8Array;
  readonly shape: Uint8Array;
  /** One for each dimension; written only while the rank is the same. */
  readonly dims: readonly Uint8Array[];
}

/** The `rest` of a message that has no more fields. */
export const NO_BYTES = new Uint8Array(0);
