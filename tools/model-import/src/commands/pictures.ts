/** Makes the pictures of examples/images. The argument is the folder `skimage/data` of scikit-image 0.19. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { findFaces } from '../faces/find-faces.ts';
import { EXAMPLE_IMAGES } from '../paths.ts';
import { Picture } from '../runtime/picture.ts';
import { Session } from '../runtime/session.ts';

const QUALITY = 92;
/** The group photos are large; a lower quality is not seen in them and halves their size. */
const GROUP_QUALITY = 82;
const PIXELS_MAX = 1280;

const [skimageData] = process.argv.slice(2);
if (skimageData === undefined) throw new Error('usage: npm run pictures -- <folder skimage/data>');
const faceApi = path.dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json'));

const astronaut = new Picture(path.join(skimageData, 'astronaut.png'));
const [face] = await findFaces(await Session.open('face_detection/1/model.onnx'), astronaut);
if (face === undefined) throw new Error('no face found in astronaut.png');

mkdirSync(EXAMPLE_IMAGES, { recursive: true });
await write('astronaut.jpg', astronaut, QUALITY);
await write('face.jpg', astronaut.crop(face), QUALITY);
await write('coffee.jpg', new Picture(path.join(skimageData, 'coffee.png')), QUALITY);
await write('group-1.jpg', new Picture(path.join(faceApi, 'demo/sample3.jpg')), GROUP_QUALITY);
await write('group-2.jpg', new Picture(path.join(faceApi, 'demo/sample6.jpg')), GROUP_QUALITY);

async function write(name: string, picture: Picture, quality: number): Promise<void> {
  const jpeg = await picture.jpeg(quality, PIXELS_MAX);
  writeFileSync(path.join(EXAMPLE_IMAGES, name), jpeg);
  console.log(`${name}  ${jpeg.length} bytes`);
}
