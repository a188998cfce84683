/** The attributes of a node as protobuf's JSON form gives them: 64-bit numbers as text, bytes in base64. */
export type RawAttributes = Readonly<Record<string, RawAttribute>>;

interface RawAttribute {
  readonly s?: string;
  readonly f?: number;
  readonly b?: boolean;
  readonly list?: { readonly i?: readonly string[]; readonly s?: readonly string[] };
}

/** Reads the attributes of one node by name and kind. */
export class NodeAttributes {
  readonly #nodeName: string;
  readonly #raw: RawAttributes;

  constructor(nodeName: string, raw: RawAttributes) {
    this.#nodeName = nodeName;
    this.#raw = raw;
  }

  text(name: string): string {
    const value = this.#raw[name]?.s;
    if (value === undefined) throw new Error(`node '${this.#nodeName}' has no attribute '${name}'`);
    return fromBase64(value);
  }

  float(name: string): number {
    const value = this.#raw[name]?.f;
    if (value === undefined) throw new Error(`node '${this.#nodeName}' has no attribute '${name}'`);
    return value;
  }

  /** False when the attribute is absent, as in TensorFlow. */
  flag(name: string): boolean {
    return this.#raw[name]?.b ?? false;
  }

  ints(name: string): number[] {
    return (this.#raw[name]?.list?.i ?? []).map(Number);
  }

  texts(name: string): string[] {
    return (this.#raw[name]?.list?.s ?? []).map(fromBase64);
  }
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
