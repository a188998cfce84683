import type { QuantizationMode, QuantizationSpec } from '../model-config/quantization.js';
import type { OnnxModel } from '../onnx/model.js';
import type { QuantizeMethod } from './method.js';
import type { SourceForm } from './source-model.js';

/** A mode that names its method. */
export type MethodMode = Exclude<QuantizationMode, 'auto'>;

/** A way to quantize, and what it wants done before. */
export interface Method {
  readonly quantize: QuantizeMethod;
  /** In which form it takes models best. */
  readonly form: SourceForm;
  /** Values whose ranges it goes by; left out by methods that go by weights alone. */
  readonly watched?: (model: OnnxModel, spec: QuantizationSpec) => Iterable<string>;
  /** Whether it can do without those ranges, where there are no samples. */
  readonly rangesOptional?: true;
}

type Device = 'cpu' | 'gpu';

const METHODS: Readonly<Record<MethodMode, (device: Device) => Promise<Method>>> = {
  int8: async () => {
    const { int8Static, int8StaticValues } = await import('./static/int8-static.js');
    return { quantize: int8Static, form: 'joined', watched: int8StaticValues };
  },
  'int8-dynamic': async () => {
    const { int8Dynamic } = await import('./dynamic/int8-dynamic.js');
    return { quantize: int8Dynamic, form: 'apart' };
  },
  'int8-weight': (device) => weightOnly('int8Weight', device),
  'int4-weight': (device) => weightOnly('int4Weight', device),
  nf4: (device) => weightOnly('nf4', device),
  fp4: (device) => weightOnly('fp4', device),
  fp16: async () => {
    const { fp16 } = await import('./half/fp16.js');
    return { quantize: fp16, form: 'apart', watched: valuesOf, rangesOptional: true };
  },
};

/** The method of a mode on a device; its code is loaded now. */
export function importMethod(mode: MethodMode, device: Device = 'cpu'): Promise<Method> {
  return METHODS[mode](device);
}

/** GPUs compute what has few bits in half precision. */
async function weightOnly(
  name: 'int8Weight' | 'int4Weight' | 'nf4' | 'fp4',
  device: Device,
): Promise<Method> {
  const { [name]: method } = await import('./weights/weight-only.js');
  if (device === 'cpu') return { quantize: method, form: 'apart' };
  const { inHalfPrecision } = await import('./half/fp16.js');
  return { quantize: inHalfPrecision(method), form: 'apart' };
}

/** All that callers give and nodes make. */
function valuesOf({ graph }: OnnxModel): string[] {
  const made = graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
  return [...graph.inputs.map(({ name }) => name), ...made];
}
