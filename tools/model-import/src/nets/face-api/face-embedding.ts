import { BATCH, GraphBuilder } from '../../onnx/graph-builder.ts';
import { FACE_RECOGNITION } from '../../sources.ts';
import { Layers } from './layers.ts';
import { readNetWeights } from './read-net-weights.ts';
import { averagePooled, type FeatureMap, maxPooled, ResidualLayers } from './residual-layers.ts';

/** Side of the square picture that the net takes. */
export const EMBEDDING_PIXELS = 150;
export const EMBEDDING_NUMBERS = 128;

/** The stages of dlib's ResNet after its entry: each halves the picture, then refines it. */
const STAGES = [
  { refine: ['conv32_1', 'conv32_2', 'conv32_3'] },
  { halve: 'conv64_down', refine: ['conv64_1', 'conv64_2', 'conv64_3'] },
  { halve: 'conv128_down', refine: ['conv128_1', 'conv128_2'] },
  { halve: 'conv256_down', refine: ['conv256_1', 'conv256_2'] },
  { halve: 'conv256_down_out', refine: [] },
];

export function faceEmbedding(): Uint8Array {
  const graph = new GraphBuilder(
    'face_recognition',
    'face_recognition net of @vladmandic/face-api 1.7.15 (MIT), by dlib (public domain)',
  );
  const weights = readNetWeights(FACE_RECOGNITION);
  const layers = new Layers(graph, weights);
  const residual = new ResidualLayers(graph, layers, weights);
  const image = graph.input('image', 'uint8', [BATCH, EMBEDDING_PIXELS, EMBEDDING_PIXELS, 3]);

  let x: FeatureMap = { value: layers.normalize(image), channels: 3, pixels: EMBEDDING_PIXELS };
  x = maxPooled(graph, residual.activated(x, 'conv32_down', 2, 'valid'));
  for (const stage of STAGES) {
    if (stage.halve !== undefined) x = residual.halvingBlock(x, stage.halve);
    for (const name of stage.refine) x = residual.block(x, name);
  }
  const embedding = graph.op('MatMul', [averagePooled(graph, x), layers.matrix('fc')]);
  graph.output('embedding', 'float32', [BATCH, EMBEDDING_NUMBERS], embedding);
  return graph.finish();
}
