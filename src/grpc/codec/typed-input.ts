import type { InferInput } from '../../inference/request.js';
import type { Shape } from '../../tensor/shape.js';
import type { WireReader } from '../../wire/reader.js';
import { rawSize, type TypedContents, toRaw } from './contents.js';

/**
 * An input with typed contents, which become raw data when they are first asked for. Throws WireError
 * when made of contents that would take too much.
 */
export class TypedInput implements InferInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: Shape;
  readonly byteLength: number;
  readonly #contents: TypedContents;
  readonly #reader: WireReader;
  #data: Uint8Array | null = null;

  /** `reader` is the one that found `contents`, which have no `contentsProblem`. */
  constructor(name: string, datatype: string, shape: Shape, contents: TypedContents, reader: WireReader) {
    this.name = name;
    this.datatype = datatype;
    this.shape = shape;
    this.byteLength = rawSize(contents, datatype);
    this.#contents = contents;
    this.#reader = reader;
  }

  get data(): Uint8Array {
    this.#data ??= toRaw(this.#reader, this.#contents, this.datatype, this.byteLength);
    return this.#data;
  }
}
