import { describe, expect, it } from 'vitest';
import { sniffFormat } from '#naiad/worker/decode/picture-format.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const ftyp = (major: string, ...compatible: string[]): Uint8Array =>
  bytes(
    `\0\0\0${String.fromCharCode(16 + 4 * compatible.length)}ftyp${major}\0\0\0\0${compatible.join('')}meta`,
  );

describe('sniffFormat', () => {
  it.each([
    ['jpeg', bytes('\xff\xd8\xff\xe0\0\x10JFIF')],
    ['png', bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')],
    ['webp', bytes('RIFF\x10\0\0\0WEBPVP8 ')],
    ['gif', bytes('GIF87a')],
    ['gif', bytes('GIF89a')],
    ['tiff', bytes('II*\0\x08\0\0\0')],
    ['tiff', bytes('MM\0*\0\0\0\x08')],
    ['tiff', bytes('II+\0\x08\0\0\0')],
    ['avif', ftyp('avif', 'mif1')],
    ['avif', ftyp('avis')],
    ['avif', ftyp('mif1', 'miaf', 'avif')],
  ])('knows %s', (format, picture) => {
    expect(sniffFormat(picture)).toBe(format);
  });

  it.each([
    ['nothing', bytes('')],
    ['one byte', bytes('\xff')],
    ['HEIC', ftyp('heic', 'mif1', 'heic')],
    ['a brand in the version', ftyp('mif1')],
    ['a brand behind the box', bytes('\0\0\0\x14ftypheic\0\0\0\0mif1avif')],
    ['MP4', ftyp('isom', 'mp42')],
    ['SVG', bytes('<svg xmlns="http://www.w3.org/2000/svg">')],
    ['PDF', bytes('%PDF-1.7')],
    ['BMP', bytes('BM\0\0')],
    ['PPM', bytes('P6 2 2 255\n')],
    ['WAV', bytes('RIFF\x10\0\0\0WAVEfmt ')],
    ['JPEG XL', bytes('\xff\x0a')],
    ['JPEG 2000', bytes('\0\0\0\x0cjP  \r\n\x87\n')],
  ])('refuses %s', (_name, picture) => {
    expect(sniffFormat(picture)).toBeNull();
  });
});
