import type { InstanceOptions } from '../../backend/backend.js';

type Parameters = InstanceOptions['parameters'];

/** ONNX Runtime's own entries that say themselves in which form a model is loaded or written. */
const FORMS =
  /^session\.(load_model_format|save_model_format|optimized_model_|save_external_|use_ort_model_|use_memory_mapped_|disable_prepacking|model_external_)/;

/** Those that change how a session runs, and nothing of its graph. */
const RUNNING = /^session\.(intra_op|inter_op|force_spinning_stop|use_per_session_threads)/;

/** Why a model is loaded as it is, whatever it holds; '' = it may be compiled. */
export function whyNotCompiled(
  backend: string,
  { device, modelFile, parameters }: Pick<InstanceOptions, 'device' | 'modelFile' | 'parameters'>,
): string {
  if (backend !== 'onnxruntime') return `backend '${backend}' has nothing to compile`;
  if (device.kind !== 'cpu') return 'compiled models are for the CPU';
  if (!modelFile.endsWith('.onnx')) return 'its file is in another format than ONNX';
  const form = Object.keys(parameters).find((key) => FORMS.test(key));
  return form === undefined ? '' : `its configuration sets '${form}'`;
}

/** Why a model can't be quantized, whatever it holds; '' = it may be. */
export function whyNotQuantized(backend: string, { modelFile }: Pick<InstanceOptions, 'modelFile'>): string {
  if (backend !== 'onnxruntime') return `backend '${backend}' runs no ONNX models`;
  return modelFile.endsWith('.onnx') ? '' : 'its file is in another format than ONNX';
}

/** ONNX Runtime's own entries that may change the graph as it is optimised. */
export function graphEntries(parameters: Parameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).filter(([key]) => key.startsWith('session.') && !RUNNING.test(key)),
  );
}
