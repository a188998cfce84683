import { LineCounter, parseDocument } from 'yaml';
import { isTooDeep } from './nesting.js';
import { malformed, type ParsedConfig, parsedFrom } from './parsed-config.js';
import { type Locate, NOWHERE } from './problem.js';
import { locateInYaml } from './yaml.js';

/** To find places takes a hundred times as long as to read; those in the field have kilobytes. */
const LOCATED_CHARS_MAX = 128 << 10;

/** Reads config.json: proto3's JSON form of `inference.ModelConfig`. */
export function parseJson(text: string, file: string): ParsedConfig {
  let plain: unknown;
  try {
    plain = JSON.parse(text);
  } catch (error) {
    const { message, line } = explain(error, text);
    return malformed(file, line, `failed to read JSON: ${message}`);
  }
  const isLocated = text.length <= LOCATED_CHARS_MAX && !isTooDeep(text);
  return parsedFrom(plain, file, isLocated ? lazily(text) : NOWHERE);
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

function explain(error: unknown, text: string): { message: string; line: number } {
  const message = messageOf(error);
  const position = / at position (\d+)/.exec(message)?.[1];
  // A text that is cut off ends with its last word, not with the empty lines after it.
  const end = Math.min(position === undefined ? endOfGood(text) : Number(position), text.trimEnd().length);
  return {
    message: message.replace(/ (in JSON )?at position \d+.*$/s, '').replace(/, (\.\.\.)?"[\s\S]*$/, ''),
    line: text.slice(0, end).split('\n').length,
  };
}

/**
 * V8 tells no position of a token that can't stand where it stands, and cutting the text before that token
 * makes the error another one: so the cut can be searched by halves.
 */
function endOfGood(text: string): number {
  let good = 0;
  let bad = text.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isUnexpectedToken(text.slice(0, middle))) bad = middle;
    else good = middle;
  }
  return good;
}

function isUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return messageOf(error).startsWith('Unexpected token');
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
