import textformat from 'protobufjs/ext/textformat.js';
import { malformed, type ParsedConfig, parsedFrom } from './parsed-config.js';
import { lineInOutline, type OutlineNode, outlinePbtxt } from './pbtxt-outline.js';
import type { Locate } from './problem.js';
import { fieldOf, type MessageField, type MessageType, messageOf, modelConfigType } from './schema.js';

/** Reads config.pbtxt: protobuf's text format of `inference.ModelConfig`. */
export function parsePbtxt(text: string, file: string): ParsedConfig {
  const type = modelConfigType();
  // Most configurations are never asked for a place.
  let outline: OutlineNode | undefined;
  const locate: Locate = (path) => {
    outline ??= outlinePbtxt(text);
    return lineInOutline(outline, path);
  };
  try {
    const message = textformat.fromText(type, text);
    return parsedFrom(type.toObject(message, { longs: String, enums: String }), file, locate);
  } catch (error) {
    return explain(error, outlinePbtxt(text), file, locate);
  }
}

/**
 * The parser stops at its first mistake. About the form it tells the line; about names and values the
 * outline tells all mistakes at once, each with its line.
 */
function explain(error: unknown, outline: OutlineNode, file: string, locate: Locate): ParsedConfig {
  const text = error instanceof Error ? error.message : String(error);
  const [, reason = text, line = '0'] = /^(.*) \(line (\d+)\)$/s.exec(text) ?? [];
  const message = reason.replaceAll(/\.inference\.([A-Z]\w*[.:]?)*/g, '').trim();
  if (line === '0' || message.includes('unknown field')) {
    const parsed = parsedFrom(toPlain(outline, modelConfigType()), file, locate);
    if (parsed.findings.length > 0) return parsed;
  }
  return malformed(file, Number(line), `failed to read text proto: ${message}`);
}

function toPlain({ fields }: OutlineNode, type: MessageType): Record<string, unknown> {
  return Object.fromEntries(
    [...fields].map(([name, nodes]) => {
      const field = fieldOf(type, name);
      return [name, field === undefined ? nodes.length : plainField(nodes, field)];
    }),
  );
}

function plainField(nodes: readonly OutlineNode[], field: MessageField): unknown {
  const type = messageOf(field);
  const plainOf = (node: OutlineNode | undefined): unknown => {
    if (node === undefined) return null;
    if (node.text !== null) return scalarOf(node, node.text);
    return type === null ? {} : toPlain(node, type);
  };
  if (field.map) {
    const entries = nodes.map((node): [string, unknown] => [
      node.fields.get('key')?.[0]?.text ?? '',
      plainOf(node.fields.get('value')?.[0]),
    ]);
    return Object.fromEntries(entries);
  }
  return nodes.length === 1 && !field.repeated ? plainOf(nodes[0]) : nodes.map(plainOf);
}

const TRUE = ['true', 'True', 't'];
const FALSE = ['false', 'False', 'f'];

function scalarOf({ quoted }: OutlineNode, text: string): unknown {
  if (quoted) return text;
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  if (/^-?0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  const number = Number(text.replace(/^-(?=0x)/i, '').replace(/(?<=^[\d.e+-]+)f$/i, ''));
  return Number.isNaN(number) ? text : number;
}
