/** Light to show pictures in: as taken, darker, brighter. */
export const GAINS = [1, 0.75, 1.25];

/** The square picture of `pixels` by `pixels` with left and right exchanged. */
export function mirrored(rgb: Uint8Array, pixels: number): Uint8Array {
  return rgb.map((_, index) => {
    const pixel = Math.floor(index / 3);
    const opposite = pixel - (pixel % pixels) + (pixels - 1 - (pixel % pixels));
    return rgb[opposite * 3 + (index % 3)];
  });
}

/** The picture `gain` times as bright. */
export function lit(rgb: Uint8Array, gain: number): Uint8Array {
  return gain === 1 ? rgb : rgb.map((value) => Math.min(255, Math.round(value * gain)));
}
