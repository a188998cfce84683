import { readdir, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { readTextFile } from '../../repository/text-file.js';
import { CommandError } from '../exit-codes.js';
import { parseCsv } from './csv.js';

/** A file, and the class that it is of in the words of the data. */
export interface LabelledItem {
  readonly path: string;
  readonly label: string;
}

/** What a model is held against. */
export interface LabelledSet {
  readonly items: readonly LabelledItem[];
  /** Each once, in alphabetical order. */
  readonly labels: readonly string[];
  /** Files of a folder that are neither pictures nor tensors. */
  readonly ignored: number;
}

/** What can be an item of a folder; a list may name any file. */
const EXTENSIONS = new Set(
  ['jpg', 'jpeg', 'png', 'webp', 'avif', 'gif', 'tif', 'tiff', 'npy', 'json'].map((name) => `.${name}`),
);

const ITEMS_MAX = 5_000_000;
/** Of a list: that of a million pictures has about 50 MB. */
const LIST_BYTES_MAX = 256 << 20;

/**
 * Reads a folder with a folder for each class, or a CSV of files and labels whose paths are relative to it.
 * The order is the same everywhere. Throws {@link CommandError} where there is nothing to go by.
 */
export async function readLabelledSet(path: string): Promise<LabelledSet> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'no such file or folder' : message;
    throw new CommandError(`can't read ${path}: ${reason}`, { cause: error });
  }
  const { items, ignored } = isFolder ? await readFolders(path) : await readList(path);
  if (items.length > ITEMS_MAX) throw new CommandError(`${path} has more than ${ITEMS_MAX} items`);
  return { items, ignored, labels: [...new Set(items.map(({ label }) => label))].sort() };
}

/** `count` of the items, evenly from all; all of them where there are no more. */
export function thinned(items: readonly LabelledItem[], count: number): readonly LabelledItem[] {
  if (count >= items.length) return items;
  return Array.from({ length: count }, (_, index) => {
    return items[Math.floor(((index + 0.5) * items.length) / count)] as LabelledItem;
  });
}

async function readFolders(path: string): Promise<{ items: LabelledItem[]; ignored: number }> {
  const classes = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isSymbolicLink()))
    .map(({ name }) => name)
    .sort();
  const items: LabelledItem[] = [];
  let ignored = 0;
  for (const label of classes) {
    for (const file of await filesOf(join(path, label))) {
      if (EXTENSIONS.has(extname(file).toLowerCase())) items.push({ path: join(path, label, file), label });
      else ignored++;
    }
  }
  if (items.length === 0) {
    throw new CommandError(
      `${path} holds no labelled files: expected a folder for each class with pictures (or .npy, .json) in it, or name a CSV with the columns file and label`,
    );
  }
  return { items, ignored };
}

/** Relative paths of the files below a folder, hidden ones left out; none for what is no folder. */
async function filesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const name = join(below, entry.name);
      if (entry.isDirectory()) await walk(name);
      else names.push(name);
    }
  };
  try {
    await walk('');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [];
    throw new CommandError(`can't read ${folder}: ${(error as Error).message}`, { cause: error });
  }
  return names.sort();
}

async function readList(path: string): Promise<{ items: LabelledItem[]; ignored: number }> {
  const rows = parseCsv(await readText(path)).filter(({ cells }) => cells.some((cell) => cell !== ''));
  const [head, ...others] = rows;
  if (head === undefined) throw new CommandError(`${path} is empty`);
  const names = head.cells.map((cell) => cell.trim().toLowerCase());
  const hasHead = names.includes('file') && names.includes('label');
  const [file, label] = hasHead ? [names.indexOf('file'), names.indexOf('label')] : [0, 1];
  const items = (hasHead ? others : rows).map(({ cells, line }): LabelledItem => {
    const name = cells[file]?.trim() ?? '';
    const text = cells[label]?.trim() ?? '';
    if (name === '' || text === '') throw new CommandError(`${path}:${line}: expected file,label`);
    return { path: resolve(dirname(path), name), label: text };
  });
  if (items.length === 0) throw new CommandError(`${path} has no rows behind its head`);
  return { items, ignored: 0 };
}

async function readText(path: string): Promise<string> {
  try {
    return await readTextFile(path, LIST_BYTES_MAX);
  } catch (error) {
    throw new CommandError(`can't read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
