import { describe, expect, it } from 'vitest';
import { oneLine, ortErrorText } from '#naiad/backend/onnxruntime/error-text.js';

describe('ortErrorText', () => {
  it.each([
    [
      'Load model from /m/1/model.onnx failed:Protobuf parsing failed.',
      'onnx runtime error 7: Load model from /m/1/model.onnx failed:Protobuf parsing failed.',
    ],
    [
      "Load model from /m/x.onnx failed:Load model /m/x.onnx failed. File doesn't exist",
      "onnx runtime error 3: Load model from /m/x.onnx failed:Load model /m/x.onnx failed. File doesn't exist",
    ],
    [
      'Load model from /m/model.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:166 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const std::function<void(int)>&) ModelProto does not have a graph.\n',
      'onnx runtime error 1: Load model from /m/model.onnx failed:ModelProto does not have a graph.',
    ],
    [
      "Non-zero status code returned while running Sub node. Name:'Sub_2' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/math/element_wise_ops.h:576 void onnxruntime::BroadcastIterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 was false. 2 by 3\n",
      "onnx runtime error 6: Non-zero status code returned while running Sub node. Name:'Sub_2' Status Message: axis == 1 was false. 2 by 3",
    ],
    [
      '/a/onnxruntime/x.cc:1 auto onnxruntime::F::operator()(int, G(H)) const [with T = int; U = X[2]] no (really) /a/onnxruntime/y.h:22 void onnxruntime::Y<A, B>::z() end',
      'onnx runtime error 1: no (really) end',
    ],
    ['/a/onnxruntime/x.cc:1 failed (with brackets)', 'onnx runtime error 1: failed (with brackets)'],
    ['/a/onnxruntime/x.cc:1 onnxruntime::F(unclosed', 'onnx runtime error 1: onnxruntime::F(unclosed'],
    [
      'Got invalid dimensions for input: X for the following indices\n index: 1 Got: 4 Expected: 16\n Please fix either the inputs/outputs or the model.',
      'onnx runtime error 2: Got invalid dimensions for input: X for the following indices\n index: 1 Got: 4 Expected: 16\n Please fix either the inputs/outputs or the model.',
    ],
  ])('words %j', (text, expected) => {
    expect(ortErrorText(new Error(text))).toBe(expected);
  });

  it('takes what is no Error', () => {
    expect(ortErrorText('broken')).toBe('onnx runtime error 1: broken');
  });
});

describe('oneLine', () => {
  it('joins lines', () => {
    expect(oneLine('a\n b\r\n\tc \n')).toBe('a b c');
  });
});
