import type { FieldPath } from './problem.js';

/**
 * A place in a text-format configuration: a field's value with its line. This is for pointing at things
 * and for explaining what is wrong; values that are served come from protobufjs's parser alone.
 */
export interface OutlineNode {
  /** 1-based line of the field's name, or of the item in a list. */
  readonly line: number;
  /** A scalar without its quotes and escapes' meaning; null for messages. */
  readonly text: string | null;
  readonly quoted: boolean;
  /** Values by field name in their order. */
  readonly fields: ReadonlyMap<string, readonly OutlineNode[]>;
}

interface Token {
  readonly kind: 'word' | 'string' | 'punctuation';
  readonly text: string;
  readonly line: number;
}

/** Messages in messages; the schema has 7. Deeper ones are left out. */
const DEPTH_MAX = 100;
/** A string that does not end goes on to the end of its line: each character is looked at once. */
const TOKEN = /\n|#[^\n]*|"((?:[^"\\\n]|\\.)*)"?|'((?:[^'\\\n]|\\.)*)'?|[\w.+-]+|[^\s\w]/g;

/** Outlines a text as far as it can be understood; never throws. */
export function outlinePbtxt(text: string): OutlineNode {
  const reader = new OutlineReader(tokenize(text));
  return { line: 1, text: null, quoted: false, fields: reader.readFields(null, 0) };
}

/** Line of the field at `path`, else of the nearest field around it; 0 when the text has none of them. */
export function lineInOutline(root: OutlineNode, path: FieldPath): number {
  let nodes: readonly OutlineNode[] = [root];
  let line = 0;
  for (const step of path) {
    nodes = stepInto(nodes, step);
    const [first] = nodes;
    if (first === undefined) return line;
    line = first.line;
  }
  return line;
}

function stepInto(nodes: readonly OutlineNode[], step: string | number): readonly OutlineNode[] {
  if (typeof step === 'number') return nodes.slice(step, step + 1);
  const [node] = nodes;
  const children = nodes.length === 1 ? node?.fields.get(step) : undefined;
  if (children !== undefined) return children;
  // A map: entries with `key` and `value`.
  const entry = nodes.find((candidate) => candidate.fields.get('key')?.[0]?.text === step);
  if (entry === undefined) return [];
  return [{ ...entry, fields: entry.fields.get('value')?.[0]?.fields ?? entry.fields }];
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const match of text.matchAll(TOKEN)) {
    const [raw] = match;
    if (raw === '\n') line++;
    else if (!raw.startsWith('#')) {
      const string = match[1] ?? match[2];
      if (string !== undefined) tokens.push({ kind: 'string', text: string, line });
      else tokens.push({ kind: /^[\w.+-]/.test(raw) ? 'word' : 'punctuation', text: raw, line });
    }
  }
  return tokens;
}

class OutlineReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  readFields(end: string | null, depth: number): Map<string, OutlineNode[]> {
    const fields = new Map<string, OutlineNode[]>();
    for (let token = this.#take(); token !== undefined && token.text !== end; token = this.#take()) {
      if (token.kind !== 'word') continue;
      this.#skip(':');
      const values = fields.get(token.text) ?? [];
      fields.set(token.text, values);
      this.#readValues(token.line, depth, values);
    }
    return fields;
  }

  #readValues(line: number, depth: number, into: OutlineNode[]): void {
    if (!this.#skip('[')) {
      this.#readValue(line, depth, into);
      return;
    }
    for (let token = this.#peek(); token !== undefined && !this.#skip(']'); token = this.#peek()) {
      const before = this.#next;
      this.#readValue(token.line, depth, into);
      if (this.#next === before) this.#next++;
    }
  }

  #readValue(line: number, depth: number, into: OutlineNode[]): void {
    const token = this.#peek();
    if (token === undefined) return;
    if (token.kind === 'punctuation') {
      const end = token.text === '{' ? '}' : token.text === '<' ? '>' : null;
      if (end === null || depth >= DEPTH_MAX) return;
      this.#next++;
      into.push({ line, text: null, quoted: false, fields: this.readFields(end, depth + 1) });
      return;
    }
    this.#next++;
    let text = token.text;
    // Neighbouring strings are one string, `-` may stand apart from its number.
    while (token.kind === 'string' && this.#peek()?.kind === 'string') text += this.#take()?.text;
    if (text === '-') text += this.#take()?.text ?? '';
    into.push({ line, text, quoted: token.kind === 'string', fields: new Map() });
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(): Token | undefined {
    return this.#tokens[this.#next++];
  }

  #skip(text: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'punctuation' || token.text !== text) return false;
    this.#next++;
    return true;
  }
}
