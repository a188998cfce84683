import type { Buffer } from 'node:buffer';
import { httpErrors } from '../errors/catalogue.js';
import { LIMITS } from '../settings/limits.js';
import type { HttpRequest } from './route.js';

/** An object of JSON, its members not yet checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * The JSON of a request that carries no data but questions and settings; without members where the body
 * is empty or no object, as Triton takes it. Rejects with INVALID_ARGUMENT.
 */
export async function readJsonObject(request: HttpRequest): Promise<JsonObject> {
  return toObject(parseJson(await request.body(LIMITS.otherRequestBytesMax)));
}

/** The members of a value, none where it is no object. */
export function toObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A boolean member, false where it is missing. Throws INVALID_ARGUMENT for anything else. */
export function booleanOf(object: JsonObject, name: string): boolean {
  const value = Object.hasOwn(object, name) ? object[name] : false;
  if (typeof value !== 'boolean') throw httpErrors.notBoolean(name);
  return value;
}

/**
 * Parses a text that is small enough to be parsed at once; undefined where it is empty. Throws
 * INVALID_ARGUMENT, also for what nests too deep.
 */
export function parseJson(text: Buffer): unknown {
  if (text.length === 0) return undefined;
  if (depthOf(text) > LIMITS.jsonDepthMax) {
    throw httpErrors.malformedJson(`it nests deeper than ${LIMITS.jsonDepthMax}`);
  }
  try {
    return JSON.parse(utf8.decode(text));
  } catch (error) {
    throw httpErrors.malformedJson(reasonOf(error));
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return error.message;
  return 'it is not UTF-8';
}

/** How deep arrays and objects lie in each other; of what is no JSON, some number. */
function depthOf(text: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const byte = text[index];
    if (byte === QUOTE) isInString = !isInString;
    else if (isInString) {
      if (byte === BACKSLASH) index++;
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--;
  }
  return deepest;
}
