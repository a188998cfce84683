import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { isTooDeep } from './nesting.js';
import { malformed, type ParsedConfig, parsedFrom } from './parsed-config.js';
import type { FieldPath, Locate } from './problem.js';
import { camelCase } from './schema.js';

/** Reads config.yaml: the fields of `inference.ModelConfig` under their own names, as in JSON. */
export function parseYaml(text: string, file: string): ParsedConfig {
  if (isTooDeep(text)) return malformed(file, 0, 'failed to read YAML: it nests too deep');
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    // The parser compares each key with all others of its map.
    uniqueKeys: false,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const reason = error.code === 'MULTIPLE_DOCS' ? 'it holds several documents' : error.message;
    return malformed(file, lines.linePos(error.pos[0]).line, `failed to read YAML: ${reason}`);
  }
  const repeated = repeatedKey(document);
  if (repeated !== null) {
    const { line } = lines.linePos(repeated);
    return malformed(file, line, 'failed to read YAML: Map keys must be unique');
  }
  let plain: unknown;
  try {
    plain = document.toJS() ?? {};
  } catch (failure) {
    // Aliases that would unfold without end.
    const message = failure instanceof Error ? failure.message : String(failure);
    return malformed(file, 0, `failed to read YAML: ${message}`);
  }
  return parsedFrom(plain, file, locateInYaml(document, lines));
}

/** Where a key stands that its map has already; null where there is none. */
function repeatedKey(document: Document): number | null {
  let offset: number | null = null;
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const value = isScalar(key) ? key.value : key;
        if (seen.has(value)) {
          offset = startOf(key);
          return visit.BREAK;
        }
        seen.add(value);
      }
      return undefined;
    },
  });
  return offset;
}

/** Finds lines of fields by the places that the parser kept. */
export function locateInYaml(document: Document, lines: LineCounter): Locate {
  return (path) => {
    const offset = offsetOf(document.contents, path);
    return offset === null ? 0 : lines.linePos(offset).line;
  };
}

function offsetOf(root: unknown, path: FieldPath): number | null {
  let node: unknown = root;
  let offset: number | null = null;
  for (const step of path) {
    if (isMap(node)) {
      const names = typeof step === 'string' ? [step, camelCase(step)] : [];
      const pair = node.items.find(({ key }) => isScalar(key) && names.includes(String(key.value)));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      offset = startOf(node) ?? offset;
    } else if (typeof step === 'string' || step > 0) {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}
