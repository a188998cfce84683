import { BLAZE_FACE_BOX_NUMBERS, BLAZE_FACE_GRIDS, BLAZE_FACE_PIXELS } from '../nets/blaze-face.ts';
import { overlap } from '../runtime/overlap.ts';
import type { Box } from '../runtime/picture.ts';

/** A face, with its box as fractions of the square picture that the net saw. */
export interface Face extends Box {
  readonly score: number;
}

export interface FaceThresholds {
  readonly scoreMin: number;
  /** Boxes that overlap more than this (intersection over union) are the same face. */
  readonly overlapMax: number;
}

const DEFAULT_THRESHOLDS: FaceThresholds = { scoreMin: 0.6, overlapMax: 0.3 };

/** Turns the answers of BlazeFace into faces, best first. The boxes of one face are averaged by their scores. */
export function decodeFaces(
  scores: ArrayLike<number>,
  boxes: ArrayLike<number>,
  { scoreMin, overlapMax }: FaceThresholds = DEFAULT_THRESHOLDS,
): Face[] {
  let candidates = decodeCandidates(scores, boxes).filter((face) => face.score >= scoreMin);
  candidates.sort((a, b) => b.score - a.score);
  const faces: Face[] = [];
  while (candidates.length > 0) {
    const [best] = candidates;
    const isSame = (face: Face) => overlap(best, face) > overlapMax;
    faces.push({ ...average(candidates.filter(isSame)), score: best.score });
    candidates = candidates.filter((face) => !isSame(face));
  }
  return faces;
}

function decodeCandidates(scores: ArrayLike<number>, boxes: ArrayLike<number>): Face[] {
  return anchorCentres().map(({ x, y }, anchor) => {
    const at = anchor * BLAZE_FACE_BOX_NUMBERS;
    const width = boxes[at + 2] / BLAZE_FACE_PIXELS;
    const height = boxes[at + 3] / BLAZE_FACE_PIXELS;
    const left = x + boxes[at] / BLAZE_FACE_PIXELS - width / 2;
    const top = y + boxes[at + 1] / BLAZE_FACE_PIXELS - height / 2;
    return { left, top, width, height, score: 1 / (1 + Math.exp(-scores[anchor])) };
  });
}

/** All anchors of a cell share its centre. */
function anchorCentres(): { readonly x: number; readonly y: number }[] {
  const centres: { readonly x: number; readonly y: number }[] = [];
  for (const { cells, anchorsPerCell } of BLAZE_FACE_GRIDS) {
    for (let index = 0; index < cells * cells * anchorsPerCell; index++) {
      const cell = Math.floor(index / anchorsPerCell);
      centres.push({ x: ((cell % cells) + 0.5) / cells, y: (Math.floor(cell / cells) + 0.5) / cells });
    }
  }
  return centres;
}

function average(faces: readonly Face[]): Box {
  const total = faces.reduce((sum, face) => sum + face.score, 0);
  const mean = (key: keyof Box) => faces.reduce((sum, face) => sum + face[key] * face.score, 0) / total;
  return { left: mean('left'), top: mean('top'), width: mean('width'), height: mean('height') };
}
