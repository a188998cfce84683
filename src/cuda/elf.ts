import type { ByteSource } from './byte-source.js';

/** A file that is not a 64-bit little-endian ELF file, or one that is cut short. */
export class ElfError extends Error {
  override readonly name = 'ElfError';
}

export interface ElfSection {
  readonly name: string;
  /** In the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** What the loader is told about a shared library. */
export interface ElfDynamic {
  /** Its own name; null when it has none. */
  readonly soname: string | null;
  /** The names of the libraries that must be there when it is loaded. */
  readonly needed: readonly string[];
  /** Where the loader looks for them first; null when the file does not say. */
  readonly runpath: string | null;
}

const HEADER_BYTES = 64;
const SECTION_BYTES = 64;
const DYNAMIC_BYTES = 16;
const SECTIONS_MAX = 4096;
const NAMES_BYTES_MAX = 1 << 20;
const STRINGS_BYTES_MAX = 64 << 20;
const DYNAMIC_ENTRIES_MAX = 4096;
const NAME_BYTES_MAX = 4096;

const TAG = { end: 0, needed: 1, soname: 14, rpath: 15, runpath: 29 } as const;

/** The sections of an ELF file. Throws {@link ElfError}. */
export function readSections(source: ByteSource): ElfSection[] {
  const header = exactly(source, 0, HEADER_BYTES);
  if (header.readUInt32BE(0) !== 0x7f454c46) throw new ElfError('not an ELF file');
  if (header[4] !== 2 || header[5] !== 1) throw new ElfError('not a 64-bit little-endian ELF file');
  const at = Number(header.readBigUInt64LE(0x28));
  const count = header.readUInt16LE(0x3c);
  const namesIndex = header.readUInt16LE(0x3e);
  if (count > SECTIONS_MAX || header.readUInt16LE(0x3a) !== SECTION_BYTES || namesIndex >= count)
    throw new ElfError('no table of sections');
  const table = Buffer.from(exactly(source, at, count * SECTION_BYTES));
  const place = (index: number) => ({
    nameAt: table.readUInt32LE(index * SECTION_BYTES),
    offset: Number(table.readBigUInt64LE(index * SECTION_BYTES + 24)),
    bytes: Number(table.readBigUInt64LE(index * SECTION_BYTES + 32)),
  });
  const { offset, bytes } = place(namesIndex);
  if (bytes > NAMES_BYTES_MAX) throw new ElfError('the names of its sections are too long');
  const names = Buffer.from(exactly(source, offset, bytes));
  return Array.from({ length: count }, (_, index) => {
    const { nameAt, ...rest } = place(index);
    return { name: textAt(names, nameAt), ...rest };
  });
}

/** What the loader is told about a library. Throws {@link ElfError}. */
export function readDynamic(source: ByteSource): ElfDynamic {
  const sections = readSections(source);
  const dynamic = sections.find(({ name }) => name === '.dynamic');
  const strings = sections.find(({ name }) => name === '.dynstr');
  if (dynamic === undefined || strings === undefined) throw new ElfError('not a shared library');
  if (strings.bytes > STRINGS_BYTES_MAX) throw new ElfError('its names are too long');
  const text = (at: number): string => {
    if (at >= strings.bytes) throw new ElfError('a name lies outside of the names');
    const length = Math.min(NAME_BYTES_MAX, strings.bytes - at);
    return textAt(exactly(source, strings.offset + at, length), 0);
  };
  const entries = Math.min(DYNAMIC_ENTRIES_MAX, Math.floor(dynamic.bytes / DYNAMIC_BYTES));
  const table = Buffer.from(exactly(source, dynamic.offset, entries * DYNAMIC_BYTES));
  const needed: string[] = [];
  let soname: string | null = null;
  let runpath: string | null = null;
  for (let index = 0; index < entries; index++) {
    const tag = Number(table.readBigUInt64LE(index * DYNAMIC_BYTES));
    const value = Number(table.readBigUInt64LE(index * DYNAMIC_BYTES + 8));
    if (tag === TAG.end) break;
    if (tag === TAG.needed) needed.push(text(value));
    else if (tag === TAG.soname) soname = text(value);
    else if (tag === TAG.runpath || tag === TAG.rpath) runpath = text(value);
  }
  return { soname, needed, runpath };
}

function exactly(source: ByteSource, offset: number, length: number): Buffer {
  const bytes = Number.isSafeInteger(offset + length) ? source.read(offset, length) : null;
  if (bytes === null || bytes.byteLength !== length) throw new ElfError('cut short');
  return bytes;
}

function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('latin1', at, end < 0 ? bytes.byteLength : end);
}
