import { NANO_DET_BINS, NANO_DET_CLASSES, NANO_DET_PIXELS, NANO_DET_STRIDES } from '../nets/nano-det.ts';
import { overlap } from '../runtime/overlap.ts';
import type { Box } from '../runtime/picture.ts';

/** An object, with its box as fractions of the picture. */
export interface DetectedObject extends Box {
  readonly classIndex: number;
  readonly score: number;
}

const SCORE_MIN = 0.45;
/** Boxes of one class that overlap more than this (intersection over union) are the same object. */
const OVERLAP_MAX = 0.5;

/** Turns the answers of NanoDet into objects, best first. */
export function decodeObjects(scores: ArrayLike<number>, boxes: ArrayLike<number>): DetectedObject[] {
  const candidates = cells().flatMap((cell, index) => {
    const found: DetectedObject[] = [];
    for (let classIndex = 0; classIndex < NANO_DET_CLASSES; classIndex++) {
      const score = scores[index * NANO_DET_CLASSES + classIndex];
      if (score >= SCORE_MIN) found.push({ ...decodeBox(cell, boxes, index), classIndex, score });
    }
    return found;
  });
  candidates.sort((a, b) => b.score - a.score);
  const objects: DetectedObject[] = [];
  for (const candidate of candidates) {
    if (!objects.some((object) => isSameObject(object, candidate))) objects.push(candidate);
  }
  return objects;
}

interface Cell {
  readonly x: number;
  readonly y: number;
  readonly stride: number;
}

function cells(): Cell[] {
  return NANO_DET_STRIDES.flatMap((stride) => {
    const columns = NANO_DET_PIXELS / stride;
    return Array.from({ length: columns * columns }, (_, index) => ({
      x: ((index % columns) + 0.5) * stride,
      y: (Math.floor(index / columns) + 0.5) * stride,
      stride,
    }));
  });
}

function decodeBox({ x, y, stride }: Cell, boxes: ArrayLike<number>, index: number): Box {
  const [left, top, right, bottom] = [0, 1, 2, 3].map(
    (side) => stride * expectedBin(boxes, index * 4 + side),
  );
  return {
    left: (x - left) / NANO_DET_PIXELS,
    top: (y - top) / NANO_DET_PIXELS,
    width: (left + right) / NANO_DET_PIXELS,
    height: (top + bottom) / NANO_DET_PIXELS,
  };
}

/** The mean of the distribution whose logits the net gives. */
function expectedBin(boxes: ArrayLike<number>, distribution: number): number {
  let total = 0;
  let sum = 0;
  for (let bin = 0; bin < NANO_DET_BINS; bin++) {
    const weight = Math.exp(boxes[distribution * NANO_DET_BINS + bin]);
    total += weight;
    sum += weight * bin;
  }
  return sum / total;
}

function isSameObject(a: DetectedObject, b: DetectedObject): boolean {
  return a.classIndex === b.classIndex && overlap(a, b) > OVERLAP_MAX;
}
