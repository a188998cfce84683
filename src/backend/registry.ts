import type { Backend } from './backend.js';

/**
 * The backends by name. Imported on first use, so that a lane thread carries the code of those backends
 * only whose models it holds. A new backend is its folder, a line here and its traits.
 */
const BACKEND_IMPORTS: ReadonlyMap<string, () => Promise<Backend>> = new Map([
  ['onnxruntime', async () => (await import('./onnxruntime/backend.js')).onnxruntimeBackend],
  ['identity', async () => (await import('./identity/backend.js')).identityBackend],
  ['repeat', async () => (await import('./repeat/backend.js')).repeatBackend],
]);

export const BACKEND_NAMES: readonly string[] = [...BACKEND_IMPORTS.keys()];

/** Throws an Error for the user when there is no such backend or its code can't be loaded. */
export async function importBackend(name: string): Promise<Backend> {
  const importer = BACKEND_IMPORTS.get(name);
  if (importer === undefined)
    throw new Error(`unknown backend '${name}', known are ${BACKEND_NAMES.join(', ')}`);
  return importer();
}
