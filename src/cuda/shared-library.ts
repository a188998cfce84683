import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');
export type LibraryHandle = import('koffi').LibraryHandle;

const require = createRequire(import.meta.url);

/** What is open stays open: a driver's library is not made to be unloaded, and others find these by name. */
const open = new Map<string, LibraryHandle>();

/** Opens a library by path, or by a name that the loader finds. Throws an Error with the loader's words. */
export function openLibrary(name: string): LibraryHandle {
  return load(name, false);
}

/**
 * Opens a library so that every library loaded later which needs one of its name gets this one, wherever it
 * lies. Throws an Error with the loader's words.
 */
export function openLibraryForAll(path: string): LibraryHandle {
  return load(path, true);
}

function load(name: string, global: boolean): LibraryHandle {
  const before = open.get(name);
  if (before !== undefined) return before;
  // Required here and not above: it loads native code, which a server without GPUs can do without.
  const koffi = require('koffi') as Koffi;
  try {
    const handle = koffi.load(name, { lazy: true, global });
    open.set(name, handle);
    return handle;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(text.replace(/^Failed to load shared library: /, ''), { cause: error });
  }
}
