/** Names in a model may be long, and they stand in texts. */
const TEXT_MAX = 1000;

/** What is wrong with an ONNX model, for the person who brought it. */
export class OnnxError extends Error {
  override readonly name = 'OnnxError';

  constructor(message: string, options?: ErrorOptions) {
    super(message.length > TEXT_MAX ? `${message.slice(0, TEXT_MAX)}...` : message, options);
  }
}
