import { blazeFace } from './nets/blaze-face.ts';
import { faceExpression } from './nets/face-api/face-expression.ts';
import { miniXception } from './nets/mini-xception.ts';
import { simple } from './nets/simple.ts';

/** A model file of the repository, and how it is made. */
export interface ImportedModel {
  /** Relative to the model repository: `<model>/<version>/model.onnx`. */
  readonly path: string;
  readonly build: () => Uint8Array;
}

export const MODELS: readonly ImportedModel[] = [
  { path: 'face_detection/1/model.onnx', build: blazeFace },
  { path: 'face_emotion/1/model.onnx', build: miniXception },
  { path: 'face_emotion/2/model.onnx', build: faceExpression },
  { path: 'simple/1/model.onnx', build: simple },
];
