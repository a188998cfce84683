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

/** Names that Windows takes for devices, whatever comes behind a dot. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i;

/** Why a name in a folder means something else to Windows, or can't be there; '' when it means the same everywhere. */
export function foreignMeaning(name: string): string {
  if (name.includes('\\')) return 'a name must not hold a backslash';
  if (name.includes(':')) return 'a name must not hold a colon';
  if (DEVICE.test(name)) return 'it is the name of a device on Windows';
  return '';
}

/** Whether a name can be that of a model's folder: one visible name, which leads nowhere else on any system. */
export function isModelName(name: string): boolean {
  return (
    name !== '' &&
    name !== LOST_AND_FOUND &&
    !name.startsWith('.') &&
    !name.includes('/') &&
    !name.includes('\0') &&
    foreignMeaning(name) === '' &&
    Buffer.byteLength(name) <= NAME_BYTES_MAX
  );
}
