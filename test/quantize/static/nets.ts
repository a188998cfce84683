import type { AttributeValue } from '#naiad/onnx/attributes.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import { collect, type Sample } from '#naiad/quantize/calibration/collect.js';
import { shapeFacts } from '#naiad/quantize/calibration/shape-facts.js';
import type { MethodContext, Rewritten } from '#naiad/quantize/method.js';
import { int8Static, int8StaticValues } from '#naiad/quantize/static/int8-static.js';
import { NetBuilder } from '../../support/net-builder.js';
import type { Feeds } from '../../support/ort-runs.js';
import { aMethodContext } from '../../support/quantization-spec.js';

/** Samples of the input `x`, with numbers of a normal distribution. */
export function samplesOf(dims: readonly number[], count = 3): Feeds[] {
  const random = new NetBuilder(21);
  const length = dims.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, () => ({ x: { dims, data: random.normal(length) } }));
}

/** What `int8Static` goes by after calibration with `samples`. */
export async function contextOf(
  model: OnnxModel,
  samples: readonly Feeds[],
  spec: Partial<MethodContext['spec']> = {},
): Promise<MethodContext> {
  const facts = await shapeFacts(model);
  const { spec: whole } = aMethodContext({ mode: 'int8', ...spec });
  const taken = samples.map((feeds): Sample => {
    return Object.fromEntries(
      Object.entries(feeds).map(([name, feed]) => [name, { type: 'float32', ...feed }]),
    );
  });
  const names = [...int8StaticValues(model, whole)];
  const ranges = await collect({
    model,
    facts,
    samples: taken,
    names,
    method: whole.calibrationMethod,
    percentile: whole.percentile,
  });
  return { spec: whole, facts, ranges };
}

export async function quantized(
  model: OnnxModel,
  samples: readonly Feeds[],
  spec: Partial<MethodContext['spec']> = {},
): Promise<Rewritten> {
  return int8Static(model, await contextOf(model, samples, spec));
}

interface ConvOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly number[];
  readonly groups?: number;
  readonly bias?: boolean;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** Adds a convolution that keeps the size unless attributes say otherwise. */
export function addConv(
  net: NetBuilder,
  x: string,
  { inputs, outputs, kernel, groups = 1, bias = true, attributes = {} }: ConvOptions,
): string {
  const weights = [net.weight([outputs, inputs / groups, ...kernel])];
  if (bias) weights.push(net.weight([outputs], 0.3));
  const half = kernel.map((size) => size >> 1);
  return net.add('Conv', [x, ...weights], {
    attributes: { kernel_shape: kernel, group: groups, pads: [...half, ...half], ...attributes },
  });
}
