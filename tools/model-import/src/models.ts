import { bigXception } from './nets/big-xception.ts';
import { blazeFace } from './nets/blaze-face.ts';
import { faceEmbedding } from './nets/face-api/face-embedding.ts';
import { faceExpression } from './nets/face-api/face-expression.ts';
import { faceLandmarks } from './nets/face-api/face-landmarks.ts';
import { nanoDet } from './nets/nano-det.ts';
import { simple } from './nets/simple.ts';
import { FACE_EMBEDDING_INT8, FACE_EXPRESSION_INT8, NANO_DET_INT8 } from './quantized/nets.ts';
import { quantized } from './quantized/quantize.ts';

/** A model file of the repository, and how it is made. */
export interface ImportedModel {
  /** Relative to the model repository: `<model>/<version>/model.onnx`. */
  readonly path: string;
  readonly build: () => Uint8Array | Promise<Uint8Array>;
}

export const MODELS: readonly ImportedModel[] = [
  { path: 'face_detection/1/model.onnx', build: blazeFace },
  { path: 'face_embedding/1/model.onnx', build: () => quantized(FACE_EMBEDDING_INT8) },
  { path: 'face_embedding/2/model.onnx', build: faceEmbedding },
  { path: 'face_emotion/1/model.onnx', build: bigXception },
  { path: 'face_emotion/2/model.onnx', build: () => quantized(FACE_EXPRESSION_INT8) },
  { path: 'face_emotion/3/model.onnx', build: faceExpression },
  { path: 'face_landmarks/1/model.onnx', build: faceLandmarks },
  { path: 'object_detection/1/model.onnx', build: () => quantized(NANO_DET_INT8) },
  { path: 'object_detection/2/model.onnx', build: nanoDet },
  { path: 'simple/1/model.onnx', build: simple },
];
