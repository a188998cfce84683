import type { QuantizationMode, QuantizationSpec } from '../model-config/quantization.js';
import type { OnnxModel } from '../onnx/model.js';
import type { QuantizeMethod } from './method.js';

/** A mode that names its method. */
export type MethodMode = Exclude<QuantizationMode, 'auto'>;

/** A way to quantize, and what it wants done before. */
export interface Method {
  readonly quantize: QuantizeMethod;
  /** Whether it takes models best as `simplify` writes them. */
  readonly simplified: boolean;
  /** Values whose ranges it goes by; left out by methods that need no calibration. */
  readonly watched?: (model: OnnxModel, spec: QuantizationSpec) => ReadonlySet<string>;
}

const METHODS: Readonly<Record<MethodMode, () => Promise<Method>>> = {
  int8: async () => {
    const { int8Static, int8StaticValues } = await import('./static/int8-static.js');
    return { quantize: int8Static, simplified: true, watched: int8StaticValues };
  },
  'int8-dynamic': async () => {
    const { int8Dynamic } = await import('./dynamic/int8-dynamic.js');
    return { quantize: int8Dynamic, simplified: false };
  },
  'int8-weight': async () => weightOnly((await import('./weights/weight-only.js')).int8Weight),
  'int4-weight': async () => weightOnly((await import('./weights/weight-only.js')).int4Weight),
  nf4: async () => weightOnly((await import('./weights/weight-only.js')).nf4),
  fp4: async () => weightOnly((await import('./weights/weight-only.js')).fp4),
  fp16: () => Promise.reject(new Error('this mode is not there yet')),
};

/** The method of a mode; its code is loaded now. */
export function importMethod(mode: MethodMode): Promise<Method> {
  return METHODS[mode]();
}

function weightOnly(quantize: QuantizeMethod): Method {
  return { quantize, simplified: false };
}
