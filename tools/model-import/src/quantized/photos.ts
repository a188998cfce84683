import { type Box, Picture } from '../runtime/picture.ts';
import { type SourceFile, sourcePath } from '../source-file.ts';

/** A photo to calibrate with, and the faces that `face_detection` finds in it, written down so that nothing moves. */
export interface CalibrationPhoto {
  readonly file: SourceFile;
  readonly faces: readonly Box[];
}

/** Photos of people by Vladimir Mandic. Those that `examples/images` has are left for comparisons. */
export const CALIBRATION_PHOTOS: readonly CalibrationPhoto[] = [
  photo('sample1', '8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51', [
    square(420, 403, 188),
    square(1492, 264, 151),
    square(850, 463, 175),
  ]),
  photo('sample2', '7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691', [
    square(1456, 199, 197),
    square(347, 187, 212),
  ]),
  photo('sample4', '729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc', [
    square(974, 223, 198),
    square(677, 126, 163),
    square(1279, 193, 187),
    square(234, 240, 183),
  ]),
  photo('sample5', '6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938', [
    square(779, 164, 162),
    square(570, 461, 198),
    square(1416, 439, 214),
    square(1112, 261, 179),
    square(357, 942, 205),
  ]),
];

/** Throws when the photo is not byte for byte the one that is meant. */
export function openPhoto({ file }: CalibrationPhoto): Picture {
  return new Picture(sourcePath(file));
}

function photo(name: string, sha256: string, faces: readonly Box[]): CalibrationPhoto {
  return { file: { packageName: '@vladmandic/face-api', path: `demo/${name}.jpg`, sha256 }, faces };
}

function square(left: number, top: number, side: number): Box {
  return { left, top, width: side, height: side };
}
