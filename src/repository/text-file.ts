import { open } from 'node:fs/promises';
import { LIMITS } from '../settings/limits.js';

/**
 * The text of a configuration or label file, without byte order mark. Rejects with an Error for the user
 * when it is too large, no plain file or not UTF-8, and with the system's error when it can't be read.
 */
export async function readTextFile(path: string, bytesMax: number = LIMITS.configBytesMax): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > bytesMax) {
      throw new Error(`it has ${size} bytes, the limit is ${bytesMax}`);
    }
    return decode(await file.readFile());
  } finally {
    await file.close();
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8 text');
  }
}
