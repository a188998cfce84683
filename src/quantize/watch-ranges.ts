import type { QuantizationSpec } from '../model-config/quantization.js';
import { MODEL_BYTES_MAX } from '../onnx/encode-model.js';
import type { OnnxModel } from '../onnx/model.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { collect } from './calibration/collect.js';
import type { MethodContext } from './method.js';
import type { Method } from './methods.js';
import type { Runtime, SampleSet } from './runtime.js';
import { weightBytes } from './weight-bytes.js';

export interface WatchOptions {
  /** As `method` takes it. */
  readonly model: OnnxModel;
  readonly method: Method;
  readonly spec: QuantizationSpec;
  readonly facts: MethodContext['facts'];
  /** Where the samples come from; they are given as they are to be used. */
  readonly kind: SampleSet['kind'];
  readonly samples: AsyncIterable<readonly NamedTensor[]>;
  readonly runtime: Pick<Runtime, 'toSample'>;
}

/**
 * Ranges of the values that a method goes by, over all samples; none where it goes by none or can do without.
 * Throws as `collect` does.
 */
export async function watchRanges(options: WatchOptions): Promise<MethodContext['ranges']> {
  const { model, method, spec, facts, kind, samples, runtime } = options;
  const { watched, rangesOptional = false } = method;
  if (watched === undefined) return new Map();
  // What gives out its inner values is held as one message.
  if (rangesOptional && (kind === 'none' || weightBytes(model) >= MODEL_BYTES_MAX)) return new Map();
  return collect({
    model,
    facts,
    samples: toSamples(samples, runtime),
    names: [...watched(model, spec)],
    // Ranges by which nothing is scaled only tell what must not be left: all that was seen.
    method: rangesOptional ? 'min-max' : spec.calibrationMethod,
    percentile: spec.percentile,
  });
}

async function* toSamples(
  samples: AsyncIterable<readonly NamedTensor[]>,
  runtime: Pick<Runtime, 'toSample'>,
): AsyncIterable<ReturnType<Runtime['toSample']>> {
  for await (const inputs of samples) yield runtime.toSample(inputs);
}
