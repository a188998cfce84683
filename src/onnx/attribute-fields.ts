import { ATTRIBUTE_TYPES } from './fields.js';
import {
  NO_BYTES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxInt,
  type OnnxSparseTensor,
  type OnnxTensor,
} from './model.js';
import { OnnxError } from './onnx-error.js';

type TypeName = keyof typeof ATTRIBUTE_TYPES;

const NAMES = new Map<number, TypeName>(
  Object.entries(ATTRIBUTE_TYPES).map(([name, code]) => [code, name as TypeName]),
);

/** The fields of an `AttributeProto` as they come; its type tells which of them counts. */
export class AttributeFields {
  name = '';
  reference = '';
  code = 0;
  float: number | null = null;
  int: OnnxInt | null = null;
  string: Uint8Array | null = null;
  tensor: OnnxTensor | null = null;
  graph: OnnxGraph | null = null;
  sparseTensor: OnnxSparseTensor | null = null;
  typeProto: Uint8Array | null = null;
  readonly floats: number[] = [];
  readonly ints: OnnxInt[] = [];
  readonly strings: Uint8Array[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly graphs: OnnxGraph[] = [];
  readonly sparseTensors: OnnxSparseTensor[] = [];
  readonly typeProtos: Uint8Array[] = [];

  finish(rest: Uint8Array): OnnxAttribute {
    const { name } = this;
    if (this.reference !== '')
      return { name, rest, type: 'reference', value: this.reference, code: this.code };
    const type = this.code === 0 ? this.#inferredType() : NAMES.get(this.code);
    switch (type) {
      case 'float':
        return { name, rest, type, value: this.float ?? 0 };
      case 'int':
        return { name, rest, type, value: this.int ?? 0 };
      case 'string':
        return { name, rest, type, value: this.string ?? NO_BYTES };
      case 'tensor':
        return { name, rest, type, value: this.#present(this.tensor) };
      case 'graph':
        return { name, rest, type, value: this.#present(this.graph) };
      case 'sparse-tensor':
        return { name, rest, type, value: this.#present(this.sparseTensor) };
      case 'type':
        return { name, rest, type, value: this.#present(this.typeProto) };
      case 'floats':
        return { name, rest, type, value: this.floats };
      case 'ints':
        return { name, rest, type, value: this.ints };
      case 'strings':
        return { name, rest, type, value: this.strings };
      case 'tensors':
        return { name, rest, type, value: this.tensors };
      case 'graphs':
        return { name, rest, type, value: this.graphs };
      case 'sparse-tensors':
        return { name, rest, type, value: this.sparseTensors };
      case 'types':
        return { name, rest, type, value: this.typeProtos };
      default:
        throw new OnnxError(`attribute '${name}' has the unknown type ${this.code}`);
    }
  }

  /** Before IR version 2 attributes had no type: the field that is there tells it. */
  #inferredType(): TypeName | undefined {
    if (this.float !== null) return 'float';
    if (this.int !== null) return 'int';
    if (this.string !== null) return 'string';
    if (this.tensor !== null) return 'tensor';
    if (this.graph !== null) return 'graph';
    if (this.floats.length > 0) return 'floats';
    if (this.ints.length > 0) return 'ints';
    if (this.strings.length > 0) return 'strings';
    if (this.tensors.length > 0) return 'tensors';
    if (this.graphs.length > 0) return 'graphs';
    return undefined;
  }

  #present<T>(value: T | null): T {
    if (value === null) throw new OnnxError(`attribute '${this.name}' has no value`);
    return value;
  }
}
