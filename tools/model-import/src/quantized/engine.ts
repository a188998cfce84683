/**
 * The server's own engine as `npm run build` compiles it, so that what is quantized here is what `naiad quantize`
 * would make. It brings its own ONNX Runtime: what imports it must not import `runtime/session.ts` as well.
 */
export type { QuantizationSpec } from '../../../../dist/model-config/quantization.js';
export { readQuantizationSettings } from '../../../../dist/model-config/quantization-parameters.js';
export { encodeModel } from '../../../../dist/onnx/encode-model.js';
export type { OnnxModel } from '../../../../dist/onnx/model.js';
export { collect, type Sample } from '../../../../dist/quantize/calibration/collect.js';
export { shapeFacts } from '../../../../dist/quantize/calibration/shape-facts.js';
export type { MethodContext, Range } from '../../../../dist/quantize/method.js';
export { simplify } from '../../../../dist/quantize/simplify.js';
export { int8Static, int8StaticValues } from '../../../../dist/quantize/static/int8-static.js';
