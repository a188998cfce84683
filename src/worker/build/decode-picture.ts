import type { ImageSpec } from '../../model-config/image-spec.js';
import type { Tensor } from '../../tensor/tensor.js';
import { refusalOfBytes } from '../decode/refusals.js';
import { TensorWriter } from '../decode/tensor-writer.js';

/** A picture as a row of the tensor that a model takes, as requests have them decoded. Rejects with Error for people. */
export async function decodePicture(spec: ImageSpec, bytes: Uint8Array): Promise<Tensor> {
  const refusal = refusalOfBytes(spec, bytes);
  if (refusal !== null) throw new Error(`it ${refusal}`);
  // libvips is large, and most models are no models of pictures.
  const { readPicture } = await import('../decode/read-picture.js');
  const reading = await readPicture(spec, bytes);
  if (reading.kind === 'refused') throw new Error(`it ${reading.reason}`);
  const writer = new TensorWriter(spec);
  const elements = writer.allocate(1);
  writer.write(elements, 0, reading.placed);
  const { height, width, channels, layout, datatype } = spec;
  return {
    datatype,
    shape: layout === 'NHWC' ? [height, width, channels] : [channels, height, width],
    data: new Uint8Array(elements.buffer),
  };
}
