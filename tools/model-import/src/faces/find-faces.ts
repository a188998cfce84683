import { BLAZE_FACE_PIXELS } from '../nets/blaze-face.ts';
import type { Box, Picture, PictureSize } from '../runtime/picture.ts';
import type { Session } from '../runtime/session.ts';
import { decodeFaces } from './decode-faces.ts';

/** Gives the faces of a picture as square boxes in whole pixels, cut off at its borders, best first. */
export async function findFaces(detector: Session, picture: Picture): Promise<Box[]> {
  const answers = await detector.run({ image: await blazeFaceInput(picture) });
  const size = await picture.size();
  return decodeFaces(answers.scores, answers.boxes).map((face) => toSquare(face, size));
}

export async function blazeFaceInput(picture: Picture) {
  const bytes = await picture.rgb(BLAZE_FACE_PIXELS, 'contain');
  const data = Float32Array.from(bytes, (value) => value / 127.5 - 1);
  return { shape: [1, BLAZE_FACE_PIXELS, BLAZE_FACE_PIXELS, 3], data };
}

function toSquare(face: Box, { width, height }: PictureSize): Box {
  // The net saw the picture centred in a square as large as its longer side.
  const square = Math.max(width, height);
  const side = Math.round(Math.max(face.width, face.height) * square);
  const centreX = (face.left + face.width / 2) * square - (square - width) / 2;
  const centreY = (face.top + face.height / 2) * square - (square - height) / 2;
  const left = Math.max(0, Math.round(centreX - side / 2));
  const top = Math.max(0, Math.round(centreY - side / 2));
  return { left, top, width: Math.min(side, width - left), height: Math.min(side, height - top) };
}
