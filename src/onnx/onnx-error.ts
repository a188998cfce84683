/** What is wrong with an ONNX model, for the person who brought it. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';
}
