import { MODEL_BYTES_MAX } from '../onnx/encode-model.js';
import type { OnnxModel } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { graphsWithin } from '../onnx/subgraphs.js';
import { simplify } from './simplify.js';
import { weightBytes } from './weight-bytes.js';

/** How methods take models: `joined`, matrix products with the additions behind them as one, or by themselves. */
export type SourceForm = 'joined' | 'apart';

/** A model as it is to be quantized. */
export interface SourceModel {
  readonly model: OnnxModel;
  /** Why it is as its file has it, for people, where layers may be missed for it; '' otherwise. */
  readonly reason: string;
}

/** Nodes that ONNX Runtime puts around operators which it computes in single precision instead. */
const INSERTED_CAST = /^Inserted(PrecisionFree)?Cast_/;

/**
 * The model of a file, simplified, so that weights are constants whatever they are made of. As the file has it
 * where ONNX Runtime can't simplify it, beyond 2 GiB for one, and where it would take half precision out of it.
 * `work` is the absolute path of a folder for what is written meanwhile, that of temporary files when left out.
 * Throws OnnxError when the file can't be read.
 */
export async function readSource(modelFile: string, form: SourceForm, work?: string): Promise<SourceModel> {
  const model = readModel(modelFile);
  if (weightBytes(model) > MODEL_BYTES_MAX) return { model, reason: 'it has 2 GiB of weights or more' };
  try {
    const simple = await simplify(modelFile, {
      joined: form === 'joined',
      ...(work !== undefined && { folder: work }),
    });
    return isInHalfPrecision(simple) ? { model, reason: '' } : { model: simple, reason: '' };
  } catch (error) {
    return { model, reason: error instanceof Error ? error.message : String(error) };
  }
}

function isInHalfPrecision({ graph }: OnnxModel): boolean {
  return [...graphsWithin(graph)].some(({ nodes }) => nodes.some(({ name }) => INSERTED_CAST.test(name)));
}
