import type { GraphBuilder, Value } from '../../onnx/graph-builder.ts';
import type { Layers } from './layers.ts';

/** Side of the square picture that the extractor takes. */
export const FACE_PIXELS = 112;

const BLOCKS = 4;
/** Four strides of 2 leave 112 / 16 rows and columns; one average over all of them ends the extractor. */
const FINAL_PIXELS = 7;

/** face-api's small feature extractor ("FaceFeatureExtractor"), shared by its expression and landmark nets: 256 features per face. */
export function denseExtractor(graph: GraphBuilder, layers: Layers, image: Value): Value {
  let x = layers.normalize(image);
  for (let block = 0; block < BLOCKS; block++) x = denseBlock(layers, x, block);
  const pooled = graph.op('AveragePool', [x], { kernel_shape: [FINAL_PIXELS, FINAL_PIXELS] });
  return graph.op('Flatten', [pooled], { axis: 1 });
}

/** Every convolution sees the sum of all earlier ones of its block. */
function denseBlock(layers: Layers, x: Value, block: number): Value {
  const name = `dense${block}`;
  // Only the very first convolution, which sees the three colours, is a full one.
  const entry =
    block === 0
      ? layers.convolution(x, `${name}/conv0/filters`, `${name}/conv0/bias`, 2, 'same')
      : layers.separableConvolution(x, `${name}/conv0`, 2);
  const first = layers.relu(entry);
  const second = layers.separableConvolution(first, `${name}/conv1`, 1);
  const third = layers.separableConvolution(layers.relu(layers.sum(first, second)), `${name}/conv2`, 1);
  const fourth = layers.separableConvolution(
    layers.relu(layers.sum(first, second, third)),
    `${name}/conv3`,
    1,
  );
  return layers.relu(layers.sum(first, second, third, fourth));
}
