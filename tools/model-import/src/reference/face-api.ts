import { createRequire } from 'node:module';
import path from 'node:path';
import type { Input } from '../runtime/session.ts';
import { tf } from './tensorflow.ts';

const require = createRequire(import.meta.url);

/** As much of a net of face-api as is used here. */
interface FaceApiNet {
  loadFromDisk(folder: string): Promise<void>;
  forward(image: object): Promise<{ dataSync(): Float32Array }>;
}

interface FaceApiModule {
  readonly nets: Readonly<Record<FaceApiNetName, FaceApiNet>>;
}

export type FaceApiNetName = 'faceExpressionNet' | 'faceLandmark68Net' | 'faceRecognitionNet';

/** A net as face-api itself runs it: gives its answer to the bytes of one picture. */
export type FaceApiRunner = (image: Input) => Promise<Float32Array>;

export async function loadFaceApiNet(name: FaceApiNetName): Promise<FaceApiRunner> {
  const faceApi: FaceApiModule = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
  const packageFolder = path.dirname(require.resolve('@vladmandic/face-api/package.json'));
  const net = faceApi.nets[name];
  await net.loadFromDisk(path.join(packageFolder, 'model'));
  return async ({ data, shape }) => {
    const [, rows, columns, channels] = shape;
    const answer = await net.forward(tf.tensor3d(data, [rows, columns, channels], 'int32'));
    return answer.dataSync();
  };
}
