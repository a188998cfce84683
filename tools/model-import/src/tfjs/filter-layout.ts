import type { FloatTensor } from './weights.ts';

/** [height, width, in, out], TensorFlow's order, to [out, in, height, width], ONNX's order. */
export function convolutionFilter(filter: FloatTensor): FloatTensor {
  const [height, width, inputs, outputs] = filter.shape;
  return permute(
    filter,
    [outputs, inputs, height, width],
    (out, input, row, column) => ((row * width + column) * inputs + input) * outputs + out,
  );
}

/** [height, width, channel, multiplier], TensorFlow's order, to [channel * multiplier, 1, height, width], ONNX's order. */
export function depthwiseFilter(filter: FloatTensor): FloatTensor {
  const [height, width, channels, multiplier] = filter.shape;
  return permute(
    filter,
    [channels * multiplier, 1, height, width],
    (out, _input, row, column) => (row * width + column) * channels * multiplier + out,
  );
}

type SourceIndex = (out: number, input: number, row: number, column: number) => number;

function permute(filter: FloatTensor, shape: readonly number[], sourceIndex: SourceIndex): FloatTensor {
  const data = new Float32Array(filter.data.length);
  const [outputs, inputs, height, width] = shape;
  let target = 0;
  for (let out = 0; out < outputs; out++) {
    for (let input = 0; input < inputs; input++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          data[target++] = filter.data[sourceIndex(out, input, row, column)];
        }
      }
    }
  }
  return { shape, data };
}
