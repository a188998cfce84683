import { FACE_PIXELS } from '../nets/face-api/dense-extractor.ts';
import { EMBEDDING_PIXELS, faceEmbedding } from '../nets/face-api/face-embedding.ts';
import { faceExpression } from '../nets/face-api/face-expression.ts';
import { NANO_DET_PIXELS, nanoDet } from '../nets/nano-det.ts';
import { faceInputs, sceneInputs } from './calibration-inputs.ts';
import type { QuantizedNet } from './quantize.ts';

export const FACE_EMBEDDING_INT8: QuantizedNet = {
  table: 'face_embedding',
  original: faceEmbedding,
  samples: () => faceInputs(EMBEDDING_PIXELS, [1.15, 1.3, 1.45]),
};

export const FACE_EXPRESSION_INT8: QuantizedNet = {
  table: 'face_expression',
  original: faceExpression,
  samples: () => faceInputs(FACE_PIXELS, [0.9, 1, 1.15]),
};

export const NANO_DET_INT8: QuantizedNet = {
  table: 'nano_det',
  original: nanoDet,
  samples: () => sceneInputs(NANO_DET_PIXELS),
  // Its activations have rare large values: without them the cosine of the scores is 0.995 rather than 0.982.
  settings: { calibration_method: 'percentile', percentile: '99.99' },
};

export const QUANTIZED_NETS: readonly QuantizedNet[] = [
  FACE_EMBEDDING_INT8,
  FACE_EXPRESSION_INT8,
  NANO_DET_INT8,
];
