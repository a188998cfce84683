const FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;

/** What may be decoded. */
export type PictureFormat = (typeof FORMATS)[number];

/** Container brands of AVIF pictures and sequences; HEIC shares the container. */
const AVIF_BRANDS: readonly string[] = ['avif', 'avis'];

/** Brands are listed in a box of this size at most; real ones have a handful. */
const BRANDS_BYTES_MAX = 512;

/** The format that the first bytes announce, null for everything that is not to reach the decoder. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | null {
  return FORMATS.find((format) => TESTS[format](bytes)) ?? null;
}

/** Whether pictures of the format may hold several frames or pages. */
export function mayHoldFrames(format: PictureFormat): boolean {
  return format !== 'jpeg' && format !== 'png';
}

const TESTS: Readonly<Record<PictureFormat, (bytes: Uint8Array) => boolean>> = {
  jpeg: (bytes) => startsWith(bytes, '\xff\xd8\xff'),
  png: (bytes) => startsWith(bytes, '\x89PNG\r\n\x1a\n'),
  webp: (bytes) => startsWith(bytes, 'RIFF') && textAt(bytes, 8, 12) === 'WEBP',
  avif: isAvif,
  gif: (bytes) => startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a'),
  // 42 is TIFF, 43 BigTIFF, in either byte order.
  tiff: (bytes) =>
    ['II*\0', 'MM\0*', 'II+\0\x08\0\0\0', 'MM\0+\0\x08\0\0'].some((magic) => startsWith(bytes, magic)),
};

function isAvif(bytes: Uint8Array): boolean {
  if (textAt(bytes, 4, 8) !== 'ftyp') return false;
  const boxBytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const end = Math.min(boxBytes, bytes.byteLength, BRANDS_BYTES_MAX);
  // The major brand at 8, its version at 12, then the compatible brands.
  for (let at = 8; at + 4 <= end; at += 4) {
    if (at !== 12 && AVIF_BRANDS.includes(textAt(bytes, at, at + 4))) return true;
  }
  return false;
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  return textAt(bytes, 0, magic.length) === magic;
}

function textAt(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}
