import { isAbsolute, relative, sep } from 'node:path';

/** A model repository that can be read. */
export interface OpenRepository {
  /** Absolute path. */
  readonly directory: string;
  /** The same without links; nothing of the repository lies outside. */
  readonly real: string;
}

/** Whether a path is a folder or lies below it; both are absolute, links are not looked at. */
export function isInside(directory: string, target: string): boolean {
  const way = relative(directory, target);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** File systems put this at the root of a volume. */
const LOST_AND_FOUND = 'lost+found';

/** Bytes that one name in a folder may have on common file systems. */
export const NAME_BYTES_MAX = 255;

/** Whether a name can be that of a model's folder: one visible name, which leads nowhere else. */
export function isModelName(name: string): boolean {
  return (
    name !== '' &&
    name !== LOST_AND_FOUND &&
    !name.startsWith('.') &&
    !name.includes('/') &&
    !name.includes(sep) &&
    !name.includes('\0') &&
    Buffer.byteLength(name) <= NAME_BYTES_MAX
  );
}
