import type { ImageSpec } from '../../model-config/image-spec.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * How a picture comes to lie in the tensor's frame: it is scaled to `scaled`, the part of it that begins
 * at `left`, `top` is used, `used` large, and put at `x`, `y` of the frame.
 */
export interface Geometry {
  readonly scaled: Size;
  readonly left: number;
  readonly top: number;
  readonly used: Size;
  readonly x: number;
  readonly y: number;
}

/** `stretch`: the whole picture fills the frame, whatever its size. */
export function stretched({ width, height }: Size): Geometry {
  const frame = { width, height };
  return { scaled: frame, left: 0, top: 0, used: frame, x: 0, y: 0 };
}

/** `stretch`, `cover` (the frame is full, the middle of the picture is used) or `contain` (all of it is). */
export function geometryOf(spec: Pick<ImageSpec, 'resize' | 'width' | 'height'>, source: Size): Geometry {
  const { resize, width, height } = spec;
  if (resize === 'stretch') return stretched(spec);
  const scales = [width / source.width, height / source.height];
  const scale = resize === 'cover' ? Math.max(...scales) : Math.min(...scales);
  const scaled = {
    width: scaledTo(source.width, scale, width, resize),
    height: scaledTo(source.height, scale, height, resize),
  };
  const used = { width: Math.min(width, scaled.width), height: Math.min(height, scaled.height) };
  return {
    scaled,
    left: Math.floor((scaled.width - used.width) / 2),
    top: Math.floor((scaled.height - used.height) / 2),
    used,
    x: Math.floor((width - used.width) / 2),
    y: Math.floor((height - used.height) / 2),
  };
}

/** Rounding must not leave a gap in a covered frame, nor stick out of one, nor make nothing of a thin line. */
function scaledTo(size: number, scale: number, frame: number, resize: 'cover' | 'contain'): number {
  const scaled = Math.round(size * scale);
  return resize === 'cover' ? Math.max(scaled, frame) : Math.min(Math.max(scaled, 1), frame);
}
