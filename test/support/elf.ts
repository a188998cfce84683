/** A shared library made in code: what the loader needs to load it, and nothing that could be called. */
export interface ElfParts {
  readonly soname?: string;
  readonly needed?: readonly string[];
  readonly runpath?: string;
  /** The content of a section `.nv_fatbin`. */
  readonly fatbin?: Buffer;
}

const PAGE = 4096;
const HEADER = 64;
const PROGRAM_HEADER = 56;
const SECTION_HEADER = 64;
const SYMBOL = 24;
const X86_64 = 62;

/** A 64-bit ELF library for x64. */
export function elfLibrary({ soname, needed = [], runpath, fatbin = Buffer.alloc(0) }: ElfParts): Buffer {
  const strings = new Strings();
  const entries: [number, number][] = [
    ...needed.map((name): [number, number] => [1, strings.at(name)]),
    ...(soname === undefined ? [] : [[14, strings.at(soname)] as [number, number]]),
    ...(runpath === undefined ? [] : [[29, strings.at(runpath)] as [number, number]]),
  ];
  const names = new Strings();
  const sectionNames = ['', '.dynsym', '.dynstr', '.hash', '.dynamic', '.nv_fatbin', '.shstrtab'].map(
    (name) => names.at(name),
  );
  // One readable and writable segment over the whole file; the loader writes into the dynamic table.
  let at = HEADER + 2 * PROGRAM_HEADER;
  const place = (bytes: number): number => {
    const offset = Math.ceil(at / 16) * 16;
    at = offset + bytes;
    return offset;
  };
  const dynstrBytes = strings.bytes().byteLength;
  const dynsym = place(SYMBOL);
  const dynstr = place(dynstrBytes);
  const hash = place(16);
  const dynamicBytes = (entries.length + 6) * 16;
  const dynamic = place(dynamicBytes);
  const fat = place(fatbin.byteLength);
  const shstrtab = place(names.bytes().byteLength);
  const sections = place(sectionNames.length * SECTION_HEADER);
  const file = Buffer.alloc(at);

  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeUInt16LE(3, 16);
  file.writeUInt16LE(X86_64, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(HEADER), 32);
  file.writeBigUInt64LE(BigInt(sections), 40);
  [HEADER, PROGRAM_HEADER, 2, SECTION_HEADER, sectionNames.length, sectionNames.length - 1].forEach(
    (value, index) => {
      file.writeUInt16LE(value, 52 + index * 2);
    },
  );
  const program = (index: number, type: number, offset: number, bytes: number, align: number): void => {
    const start = HEADER + index * PROGRAM_HEADER;
    file.writeUInt32LE(type, start);
    file.writeUInt32LE(6, start + 4);
    for (const [field, value] of [offset, offset, offset, bytes, bytes, align].entries())
      file.writeBigUInt64LE(BigInt(value), start + 8 + field * 8);
  };
  program(0, 1, 0, at, PAGE);
  program(1, 2, dynamic, dynamicBytes, 8);

  strings.bytes().copy(file, dynstr);
  // One bucket, one symbol: the empty one.
  file.writeUInt32LE(1, hash);
  file.writeUInt32LE(1, hash + 4);
  const table: [number, number][] = [
    ...entries,
    [5, dynstr],
    [6, dynsym],
    [10, dynstrBytes],
    [11, SYMBOL],
    [4, hash],
  ];
  for (const [index, [tag, value]] of table.entries()) {
    file.writeBigUInt64LE(BigInt(tag), dynamic + index * 16);
    file.writeBigUInt64LE(BigInt(value), dynamic + index * 16 + 8);
  }
  fatbin.copy(file, fat);
  names.bytes().copy(file, shstrtab);
  const places: [number, number][] = [
    [0, 0],
    [dynsym, SYMBOL],
    [dynstr, dynstrBytes],
    [hash, 16],
    [dynamic, dynamicBytes],
    [fat, fatbin.byteLength],
    [shstrtab, names.bytes().byteLength],
  ];
  for (const [index, [offset, bytes]] of places.entries()) {
    const start = sections + index * SECTION_HEADER;
    file.writeUInt32LE(sectionNames[index] ?? 0, start);
    file.writeUInt32LE(index === 0 ? 0 : 1, start + 4);
    file.writeBigUInt64LE(BigInt(offset), start + 24);
    file.writeBigUInt64LE(BigInt(bytes), start + 32);
  }
  return file;
}

/** GPU code of some architectures (70 is a V100) in as many containers as lists. */
export function fatbinOf(
  ...containers: readonly (readonly { readonly kind: 'sass' | 'ptx'; readonly architecture: number }[])[]
): Buffer {
  return Buffer.concat(
    containers.map((entries) => {
      const body = Buffer.concat(
        entries.map(({ kind, architecture }) => {
          const entry = Buffer.alloc(64 + 40);
          entry.writeUInt16LE(kind === 'ptx' ? 1 : 2, 0);
          entry.writeUInt32LE(64, 4);
          entry.writeBigUInt64LE(40n, 8);
          entry.writeUInt32LE(architecture, 28);
          return entry;
        }),
      );
      const header = Buffer.alloc(16);
      header.writeUInt32LE(0xba55ed50, 0);
      header.writeUInt16LE(1, 4);
      header.writeUInt16LE(16, 6);
      header.writeBigUInt64LE(BigInt(body.byteLength), 8);
      // Between containers there is padding.
      return Buffer.concat([header, body, Buffer.alloc(24)]);
    }),
  );
}

class Strings {
  readonly #parts: Buffer[] = [Buffer.alloc(1)];

  at(text: string): number {
    const at = this.bytes().byteLength;
    this.#parts.push(Buffer.from(`${text}\0`, 'latin1'));
    return at;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}
