import type { WireReader } from '../wire/reader.js';
import { OnnxError } from './onnx-error.js';

/** Where a tensor's elements lie outside the model's own file. */
export interface ExternalPlace {
  /** As the model gives it: a path relative to its folder. */
  readonly location: string;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Finds external data: checks at once that they are there, and gives the function that reads them.
 * Both throw OnnxError.
 */
export type ExternalData = (place: ExternalPlace) => () => Uint8Array;

export interface DecodeLimits {
  /** Rough bytes of JavaScript objects that a model may become: about 100,000 nodes are 100 MB. */
  readonly heapBytesMax: number;
  /** Bytes of tensors that have to be rebuilt from number lists, and of one external tensor. */
  readonly dataBytesMax: number;
}

/** A name longer than this is no name. */
const NAME_BYTES_MAX = 1 << 16;
/** Protobuf's own parsers stop at 100 nested messages, of which a level of subgraphs takes three. */
const DEPTH_MAX = 32;
/** What V8 takes for an object of this room with its lists, beside strings and numbers. */
const OBJECT_BYTES = 400;

/** What one reading of a model may use up; every method throws OnnxError when that is reached. */
export class DecodeContext {
  readonly external: ExternalData | null;
  readonly #limits: DecodeLimits;
  #heapBytes = 0;
  #dataBytes = 0;
  #depth = 0;

  constructor(limits: DecodeLimits, external: ExternalData | null) {
    this.#limits = limits;
    this.external = external;
  }

  /** Counts one object. */
  spendObject(): void {
    this.spend(OBJECT_BYTES);
  }

  /** Counts `bytes` of JavaScript heap. */
  spend(bytes: number): void {
    this.#heapBytes += bytes;
    if (this.#heapBytes > this.#limits.heapBytesMax) {
      throw new OnnxError(
        `the model has too many parts: they would take over ${this.#limits.heapBytesMax} bytes`,
      );
    }
  }

  /** Counts `bytes` that tensors need outside the model's own bytes. */
  spendData(bytes: number): void {
    this.#dataBytes += bytes;
    this.checkDataBytes(this.#dataBytes);
  }

  checkDataBytes(bytes: number): void {
    const { dataBytesMax } = this.#limits;
    if (bytes > dataBytesMax) throw new OnnxError(`${bytes} bytes of tensors exceed ${dataBytesMax}`);
  }

  /** A name of something in the graph. */
  name(reader: WireReader): string {
    return this.text(reader, NAME_BYTES_MAX);
  }

  /** A string of at most `bytesMax` bytes. */
  text(reader: WireReader, bytesMax: number): string {
    const start = reader.position;
    const text = reader.string(bytesMax);
    this.spend(16 + 2 * (reader.position - start));
    return text;
  }

  /** A nested message, decoded to its end. */
  message<T>(reader: WireReader, decode: (reader: WireReader, context: DecodeContext) => T): T {
    this.spendObject();
    const outerEnd = reader.enter();
    const value = decode(reader, this);
    reader.leave(outerEnd);
    return value;
  }

  /** A nested graph. */
  graph<T>(reader: WireReader, decode: (reader: WireReader, context: DecodeContext) => T): T {
    if (this.#depth === DEPTH_MAX) throw new OnnxError(`graphs are nested deeper than ${DEPTH_MAX}`);
    this.#depth++;
    const value = this.message(reader, decode);
    this.#depth--;
    return value;
  }
}

/** The value of a field that may stand once. */
export function once<T>(former: T | null, what: string, value: T): T {
  if (former !== null) throw new OnnxError(`${what} stands in the model twice`);
  return value;
}
