import path from 'node:path';
import { findFaces } from '../faces/find-faces.ts';
import { EXAMPLE_IMAGES } from '../paths.ts';
import { Picture } from '../runtime/picture.ts';
import { Session } from '../runtime/session.ts';

/** An example picture and the faces found in it. */
export interface Sample {
  readonly name: string;
  readonly picture: Picture;
  readonly faces: readonly Picture[];
}

/** People only: in the round cup of coffee.jpg the detector sees a face, too. */
const PEOPLE = ['astronaut.jpg', 'group-1.jpg', 'group-2.jpg'];

export function examplePicture(name: string): Picture {
  return new Picture(path.join(EXAMPLE_IMAGES, name));
}

export async function readSamples(): Promise<Sample[]> {
  const detector = await Session.open('face_detection/1/model.onnx');
  const samples: Sample[] = [];
  for (const name of PEOPLE) {
    const picture = examplePicture(name);
    const boxes = await findFaces(detector, picture);
    samples.push({ name, picture, faces: boxes.map((box) => picture.crop(box)) });
  }
  return samples;
}
