import type { ImageSpec } from '../../model-config/image-spec.js';
import { LIMITS } from '../../settings/limits.js';
import { sniffFormat } from './picture-format.js';

/** Why a picture is refused, as the end of a sentence that began with the picture. */

/** What a picture's header says, as far as limits care. */
export interface PictureHeader {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

/** What can be told from the bytes alone, without a decoder; null = nothing speaks against them. */
export function refusalOfBytes(spec: ImageSpec, bytes: Uint8Array): string | null {
  if (bytes.byteLength === 0) return 'is empty';
  if (bytes.byteLength > spec.bytesMax) {
    return `has ${exceeds(bytes.byteLength, spec.bytesMax, 'bytes')} (image.max_bytes)`;
  }
  if (sniffFormat(bytes) === null) return 'is not a JPEG, PNG, WebP, AVIF, GIF or TIFF picture';
  return null;
}

/** What can be told from the header, before a pixel is decoded; null = nothing speaks against it. */
export function refusalOfHeader(spec: ImageSpec, { width, height, frames }: PictureHeader): string | null {
  const pixels = width * height;
  if (pixels > spec.pixelsMax) return `has ${exceeds(pixels, spec.pixelsMax, 'pixels')} (image.max_pixels)`;
  if (frames > spec.framesMax) return `has ${exceeds(frames, spec.framesMax, 'frames')} (image.max_frames)`;
  return null;
}

/** `message` is the decoder's, which may have several lines, of other pictures too. */
export function refusalOfFailure(message: string): string {
  if (message.includes('timeout:')) return `took longer than ${LIMITS.pictureSecondsMax} s to decode`;
  if (message.includes('exceeds channel limit')) return TOO_MANY_CHANNELS;
  return `is truncated or corrupt: ${readable(message)}`;
}

/** More than RGB and alpha, or CMYK and alpha. */
export const TOO_MANY_CHANNELS = 'has more channels than a colour picture';

function exceeds(got: number, max: number, unit: string): string {
  const [shownGot, shownMax] = [inMillions(got), inMillions(max)];
  return shownGot === shownMax
    ? `${got} ${unit}, more than the ${max} allowed`
    : `${shownGot} ${unit}, more than the ${shownMax} allowed`;
}

function inMillions(count: number): string {
  return count < 1_000_000 ? `${count}` : `${(count / 1_000_000).toFixed(1)} million`;
}

const REASON_CHARACTERS_MAX = 160;

/** Lines of libvips' plumbing, which say nothing of the picture. */
const NOISE = /^(source|VipsImage): /;

function readable(message: string): string {
  const line = message
    .split('\n')
    .map((text) => text.replace('Input buffer has corrupt header: ', '').trim())
    .find((text) => text !== '' && !NOISE.test(text));
  if (line === undefined) return 'its data ends early';
  if (line === 'Input buffer contains unsupported image format') return "its header can't be read";
  // The first word names the codec's module: 'VipsJpeg: premature end of JPEG image'.
  return line.replace(/^\w+: /, '').slice(0, REASON_CHARACTERS_MAX);
}
