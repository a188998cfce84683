import { existsSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

export const PIXELS = [224, 224, 3];
export const CLASSES = 1001;

/** Of the model, where the shared data is; null = absent. @param {string} shared */
export function mobilenetFiles(shared) {
  const folder = join(shared, 'data/imagenet');
  const model = join(folder, 'mobilenet_v2.onnx');
  return existsSync(model) ? { model, labels: join(folder, 'imagenet_labels.txt') } : null;
}

export const NO_MOBILENET = 'the MobileNetV2 of the shared data is not here (NAIAD_SHARED)';

/** @param {{ instances: number, maxBatchSize: number }} options */
export function mobilenetConfig({ instances, maxBatchSize }) {
  return `backend: "onnxruntime"
max_batch_size: ${maxBatchSize}
input [ { name: "image" data_type: TYPE_UINT8 format: FORMAT_NHWC dims: [ ${PIXELS.join(', ')} ] } ]
output [ { name: "probabilities" data_type: TYPE_FP32 dims: [ ${CLASSES} ] label_filename: "labels.txt" } ]
instance_group [ { kind: KIND_CPU count: ${instances} } ]
dynamic_batching { }
parameters { key: "image.resize" value { string_value: "cover" } }
`;
}

/** Pixels of a photo as the model takes them. @param {string} file */
export function readPixels(file) {
  const [height = 0, width = 0] = PIXELS;
  return sharp(file).resize(width, height, { fit: 'cover' }).removeAlpha().raw().toBuffer();
}
