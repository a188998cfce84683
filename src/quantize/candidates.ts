import type { OnnxModel } from '../onnx/model.js';
import type { MethodMode } from './methods.js';

/** What a choice goes by besides the graph. */
export interface Circumstances {
  readonly device: 'cpu' | 'gpu';
  /** Whether there are samples to calibrate with. */
  readonly calibrated: boolean;
}

const MATRIX_PRODUCTS = new Set(['MatMul', 'Gemm']);

/**
 * Modes worth trying for speed: 8-bit kernels of convolutions and matrix products on the CPU, half precision
 * on GPUs. Modes that save memory only are not among them.
 */
export function candidatesFor(
  { graph }: OnnxModel,
  { device, calibrated }: Circumstances,
): readonly MethodMode[] {
  if (device === 'gpu') return ['fp16'];
  const operators = new Set(graph.nodes.map(({ opType }) => opType));
  const convolves = operators.has('Conv');
  const multiplies = [...operators].some((operator) => MATRIX_PRODUCTS.has(operator));
  const modes: MethodMode[] = [];
  if (calibrated && (convolves || multiplies)) modes.push('int8');
  if (multiplies) modes.push('int8-dynamic', 'int8-weight');
  return modes;
}
