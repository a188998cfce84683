import { LineCounter, parseDocument } from 'yaml';
import { isTooDeep } from './nesting.js';
import { malformed, type ParsedConfig, parsedFrom } from './parsed-config.js';
import { type Locate, NOWHERE } from './problem.js';
import { locateInYaml } from './yaml.js';

/** Reads config.json: proto3's JSON form of `inference.ModelConfig`. */
export function parseJson(text: string, file: string): ParsedConfig {
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch (error) {
    const { message, line } = explain(error, text);
    return malformed(file, line, `failed to read JSON: ${message}`);
  }
  return parsedFrom(plain, file, isTooDeep(text) ? NOWHERE : lazily(text));
}

/** JSON is YAML, whose parser keeps the places; most configurations are never asked for one. */
function lazily(text: string): Locate {
  let locate: Locate | undefined;
  return (path) => {
    if (locate === undefined) {
      const lines = new LineCounter();
      locate = locateInYaml(parseDocument(text, { lineCounter: lines, uniqueKeys: false }), lines);
    }
    return locate(path);
  };
}

/** Node says `at position 12`, newer ones add `(line 2 column 3)`, and neither at the end of the text. */
function explain(error: unknown, text: string): { message: string; line: number } {
  const message = error instanceof Error ? error.message : String(error);
  const position = / at position (\d+)/.exec(message)?.[1];
  const before = position === undefined ? text.trimEnd() : text.slice(0, Number(position));
  return {
    message: message.replace(/ (in JSON )?at position \d+.*$/s, '').replace(/, "\{?[\s\S]*$/, ''),
    line: before.split('\n').length,
  };
}
