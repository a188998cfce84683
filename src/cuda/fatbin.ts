import type { ByteSource } from './byte-source.js';
import { ElfError, readSections } from './elf.js';

/** The GPUs that a file holds code for, as compute capability times ten (70 is a V100), ascending. */
export interface GpuCode {
  /** Machine code: runs on this compute capability and later ones of the same generation. */
  readonly sass: readonly number[];
  /** Code that the driver compiles, for this compute capability and all later ones. */
  readonly ptx: readonly number[];
}

const MAGIC = 0xba55ed50;
const CONTAINER_HEADER_BYTES = 16;
const ENTRY_HEADER_BYTES = 64;
const KIND = { ptx: 1, sass: 2 } as const;
/** Containers are aligned to this. */
const STEP_BYTES = 8;
const SCAN_BYTES = 32 * 1024;
/** What NVIDIA's largest libraries hold is a few thousand. */
const ENTRIES_MAX = 1_000_000;

/**
 * Reads for which GPUs a library holds code: the headers in its section `.nv_fatbin`, never the code.
 * Both lists are empty for a file without such a section. Throws ElfError for what is not an ELF file, or
 * where a header can not be true.
 */
export function readGpuCode(source: ByteSource): GpuCode {
  const sass = new Set<number>();
  const ptx = new Set<number>();
  let entries = 0;
  for (const { name, offset, bytes } of readSections(source)) {
    if (!name.includes('nv_fatbin')) continue;
    const end = offset + bytes;
    if (end > source.bytes) throw new ElfError('cut short');
    let at = nextContainer(source, offset, end);
    while (at < end) {
      const header = source.read(at, CONTAINER_HEADER_BYTES);
      let entry = at + header.readUInt16LE(6);
      const containerEnd = entry + Number(header.readBigUInt64LE(8));
      if (containerEnd > end) throw new ElfError('a container of GPU code reaches behind its section');
      while (entry + ENTRY_HEADER_BYTES <= containerEnd) {
        const { kind, architecture, next } = readEntry(source, entry);
        if (kind === KIND.sass) sass.add(architecture);
        else if (kind === KIND.ptx) ptx.add(architecture);
        if (++entries > ENTRIES_MAX) throw new ElfError('too many pieces of GPU code');
        entry = next;
      }
      at = nextContainer(source, Math.max(containerEnd, at + CONTAINER_HEADER_BYTES), end);
    }
  }
  return { sass: ascending(sass), ptx: ascending(ptx) };
}

function readEntry(source: ByteSource, at: number): { kind: number; architecture: number; next: number } {
  const header = source.read(at, ENTRY_HEADER_BYTES);
  const headerBytes = header.readUInt32LE(4);
  if (headerBytes < 32) throw new ElfError('a header of GPU code is too short');
  return {
    kind: header.readUInt16LE(0),
    architecture: header.readUInt32LE(28),
    next: at + headerBytes + Number(header.readBigUInt64LE(8)),
  };
}

/** Where the next container starts; `end` when there is none. */
function nextContainer(source: ByteSource, from: number, end: number): number {
  for (let at = from; at + CONTAINER_HEADER_BYTES <= end; ) {
    const bytes = source.read(at, Math.min(SCAN_BYTES, end - at));
    let step = 0;
    for (; step + 4 <= bytes.byteLength; step += STEP_BYTES) {
      if (bytes.readUInt32LE(step) === MAGIC)
        return at + step + CONTAINER_HEADER_BYTES <= end ? at + step : end;
    }
    at += step;
  }
  return end;
}

function ascending(values: ReadonlySet<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

/** How code reaches a GPU of this compute capability (times ten): as it is, compiled by the driver, not at all. */
export function codeFor(code: GpuCode, capability: number): 'sass' | 'ptx' | 'none' {
  const generation = Math.floor(capability / 10);
  if (code.sass.some((each) => Math.floor(each / 10) === generation && each <= capability)) return 'sass';
  return code.ptx.some((each) => each <= capability) ? 'ptx' : 'none';
}
