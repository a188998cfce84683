import sharp, { type Sharp } from 'sharp';
import type { ImageSpec } from '../../model-config/image-spec.js';
import { LIMITS } from '../../settings/limits.js';
import { type Geometry, geometryOf, type Size, stretched } from './geometry.js';
import { mayHoldFrames, sniffFormat } from './picture-format.js';
import { type PictureHeader, refusalOfFailure, refusalOfHeader, TOO_MANY_CHANNELS } from './refusals.js';
import { type Pixels, resample } from './resample.js';
import type { Placed } from './tensor-writer.js';

// Both are the whole process's, and loading sharp, which each thread does, sets them to its defaults.
// Every request has pictures of its own, so libvips would only hold on to memory; and one thread for each
// picture is the best division of the processors while the decode threads have pictures enough.
sharp.cache(false);
sharp.concurrency(1);

// What sniffing lets through has one loader each; nothing else of libvips is to see a client's bytes.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((name) => `VipsForeignLoad${name}Buffer`),
});

export type PictureReading =
  | { readonly kind: 'read'; readonly placed: Placed }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * One encoded picture as pixels for the spec's frame: upright, on the background, in sRGB, scaled.
 * Never rejects for what is in `bytes`, which must have passed `refusalOfBytes`.
 */
export async function readPicture(spec: ImageSpec, bytes: Uint8Array): Promise<PictureReading> {
  try {
    const header = needsHeader(spec, bytes) ? await readHeader(bytes) : null;
    const refusal = header === null ? null : refusalOfHeader(spec, header);
    if (refusal !== null) return { kind: 'refused', reason: refusal };
    return await decode(spec, bytes, header);
  } catch (error) {
    return { kind: 'refused', reason: await reasonOf(spec, bytes, error) };
  }
}

/** Reading the header apart costs a third of a millisecond, which most pictures needn't pay. */
function needsHeader(spec: ImageSpec, bytes: Uint8Array): boolean {
  const format = sniffFormat(bytes);
  return spec.resize !== 'stretch' || format === null || mayHoldFrames(format);
}

/** Width and height are those of the upright picture. */
async function readHeader(bytes: Uint8Array): Promise<PictureHeader> {
  const { autoOrient, pages } = await sharp(bytes, { limitInputPixels: false }).metadata();
  return { ...autoOrient, frames: pages ?? 1 };
}

async function decode(spec: ImageSpec, bytes: Uint8Array, source: Size | null): Promise<PictureReading> {
  const geometry = source === null ? stretched(spec) : geometryOf(spec, source);
  const { data, info } = await pipeline(spec, bytes, source, geometry).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) return { kind: 'refused', reason: TOO_MANY_CHANNELS };
  const pixels: Pixels = { width: info.width, height: info.height, data };
  const { used, x, y } = geometry;
  const finished = pixels.width === used.width && pixels.height === used.height;
  return {
    kind: 'read',
    placed: { x, y, pixels: finished ? pixels : resample(pixels, spec.kernel, geometry) },
  };
}

/** Everything that libvips does to a picture; RGB bytes come out, shrunk and cut but never enlarged. */
function pipeline(spec: ImageSpec, bytes: Uint8Array, source: Size | null, geometry: Geometry): Sharp {
  const { pixelsMax, kernel, background } = spec;
  const [r, g, b] = background;
  const decoder = sharp(bytes, {
    autoOrient: true,
    limitInputPixels: pixelsMax,
    // As lenient as Pillow: data that ends early fails, what libjpeg or libpng merely warn of does not.
    failOn: 'error',
  }).timeout({ seconds: LIMITS.pictureSecondsMax });
  // Flattening a gray picture uses the background's red alone, so it must be turned into RGB before.
  if (r !== g || g !== b) decoder.pipelineColourspace('srgb');
  decoder.flatten({ background: { r, g, b } }).toColourspace('srgb').raw();
  if (kernel === 'nearest') return decoder;
  const { scaled, left, top, used } = geometry;
  decoder.resize(scaled.width, scaled.height, {
    fit: 'fill',
    kernel,
    withoutEnlargement: true,
    // Lets libjpeg shrink to a power of two, but leaves a factor of two to the kernel.
    fastShrinkOnLoad: false,
  });
  const shrinks = source !== null && scaled.width <= source.width && scaled.height <= source.height;
  return shrinks ? decoder.extract({ left, top, ...used }) : decoder;
}

async function reasonOf(spec: ImageSpec, bytes: Uint8Array, error: unknown): Promise<string> {
  const failure = refusalOfFailure(error instanceof Error ? error.message : String(error));
  try {
    return refusalOfHeader(spec, await readHeader(bytes)) ?? failure;
  } catch {
    return failure;
  }
}
