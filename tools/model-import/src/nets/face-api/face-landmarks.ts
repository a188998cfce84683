import { BATCH, GraphBuilder } from '../../onnx/graph-builder.ts';
import { FACE_LANDMARK_68 } from '../../sources.ts';
import { denseExtractor, FACE_PIXELS } from './dense-extractor.ts';
import { Layers } from './layers.ts';
import { readNetWeights } from './read-net-weights.ts';

export const LANDMARKS = 68;

export function faceLandmarks(): Uint8Array {
  const graph = new GraphBuilder(
    'face_landmark_68',
    'face_landmark_68 net of @vladmandic/face-api 1.7.15 (MIT)',
  );
  const layers = new Layers(graph, readNetWeights(FACE_LANDMARK_68));
  const image = graph.input('image', 'uint8', [BATCH, FACE_PIXELS, FACE_PIXELS, 3]);
  const coordinates = layers.fullyConnected(denseExtractor(graph, layers, image), 'fc');
  // The net gives x and y in turns; a 0 keeps the batch size.
  const points = graph.op('Reshape', [coordinates, graph.ints([0, LANDMARKS, 2])]);
  graph.output('landmarks', 'float32', [BATCH, LANDMARKS, 2], points);
  return graph.finish();
}
