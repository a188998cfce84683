import { BATCH, GraphBuilder } from '../../onnx/graph-builder.ts';
import { FACE_EXPRESSION } from '../../sources.ts';
import { denseExtractor, FACE_PIXELS } from './dense-extractor.ts';
import { Layers } from './layers.ts';
import { readNetWeights } from './read-net-weights.ts';

/** How many emotions face-api tells apart: neutral, happy, sad, angry, fearful, disgusted, surprised, in this order. */
export const EMOTIONS = 7;

export function faceExpression(): Uint8Array {
  const graph = new GraphBuilder(
    'face_expression',
    'face_expression net of @vladmandic/face-api 1.7.15 (MIT)',
  );
  const layers = new Layers(graph, readNetWeights(FACE_EXPRESSION));
  const image = graph.input('image', 'uint8', [BATCH, FACE_PIXELS, FACE_PIXELS, 3]);
  const scores = layers.fullyConnected(denseExtractor(graph, layers, image), 'fc');
  graph.output('probabilities', 'float32', [BATCH, EMOTIONS], graph.op('Softmax', [scores], { axis: 1 }));
  return graph.finish();
}
