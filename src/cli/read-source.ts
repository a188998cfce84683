import { readFile, stat } from 'node:fs/promises';
import { LIMITS } from '../settings/limits.js';
import { CommandError } from './exit-codes.js';
import type { Source } from './infer-inputs.js';

/** A file that is, or holds, an input. Rejects with {@link CommandError}; `hint` goes behind why it can't be read. */
export async function readSource(path: string, hint = ''): Promise<Source> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > LIMITS.messageBytesMax) throw new CommandError(`${path} is larger than a message may be`);
    bytes = await readFile(path);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`can't read ${path}: ${reasonOf(error)}${hint}`, { cause: error });
  }
  if (!path.toLowerCase().endsWith('.json')) return { kind: 'file', label: path, bytes };
  const value = parseJson(Buffer.from(bytes).toString());
  if (value === undefined) throw new CommandError(`${path} is no valid JSON`);
  return { kind: 'json', label: path, value };
}

/** undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'it is a directory';
  return error instanceof Error ? error.message : String(error);
}
