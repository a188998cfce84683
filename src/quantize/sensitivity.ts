import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { invariant } from '../lib/invariant.js';
import type { QuantizationSpec } from '../model-config/quantization.js';
import { writeModel } from '../onnx/write-model.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { shapeFacts } from './calibration/shape-facts.js';
import { OutputComparison } from './compare.js';
import type { LayerReport } from './method.js';
import { importMethod, type MethodMode } from './methods.js';
import type { Runtime, SampleSet } from './runtime.js';
import { readSource } from './source-model.js';
import { watchRanges } from './watch-ranges.js';

/** What the answers of a model are like when one of its layers is quantized and all others are not. */
export interface LayerSensitivity {
  readonly node: string;
  readonly opType: string;
  /** Of the output that changes most. */
  readonly cosine: number;
  readonly relativeRmse: number;
  readonly maxAbs: number;
  /** Of the error that all layers make together, as far as their errors add up independently of each other. */
  readonly share: number;
}

export interface Sensitivity {
  /** The most sensitive layer first. */
  readonly layers: readonly LayerSensitivity[];
  /** Samples that the answers are for. */
  readonly samples: number;
  /** Layers that can't be quantized alone, and why. */
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
  /** Layers worth excluding, and the part of the error that goes with them; none where it is spread evenly. */
  readonly exclude: { readonly nodes: readonly string[]; readonly share: number };
}

export interface SensitivityJob {
  /** Absolute path of the model file. */
  readonly modelFile: string;
  readonly spec: QuantizationSpec & { readonly mode: MethodMode };
  readonly device: 'cpu' | 'gpu';
  readonly samples: SampleSet;
  /** Samples by which each layer is judged; calibration uses all that the specification allows. */
  readonly samplesMax: number;
  /** Absolute path at which nothing lies yet; nothing lies there afterwards. */
  readonly work: string;
  readonly runtime: Runtime;
  readonly onProgress?: (stage: string, done: number, total: number) => void;
}

/**
 * Quantizes each layer by itself and compares the answers with those of the original. Takes as long as the
 * model has layers. Rejects with an Error for people when the model, or its samples, can't be used.
 */
export async function measureSensitivity(job: SensitivityJob): Promise<Sensitivity> {
  const { modelFile, spec, device, work, runtime, onProgress } = job;
  const method = await importMethod(spec.mode, device);
  const { model } = await readSource(modelFile, method.form);
  const facts = await shapeFacts(model);
  const samples = await firstOf(job.samples, job.samplesMax);
  const { kind } = job.samples;
  const ranges = await watchRanges({ model, method, spec, facts, kind, samples: counted(job), runtime });
  const quantized = method
    .quantize(model, { spec, ranges, facts })
    .layers.filter(({ outcome }) => outcome === 'quantized');
  const original = await runtime.open(modelFile, false);
  const expected: (readonly NamedTensor[])[] = [];
  try {
    for (const sample of samples) expected.push(await original.run(sample));
  } finally {
    await original.release();
  }
  const measured: Omit<LayerSensitivity, 'share'>[] = [];
  const skipped: { node: string; reason: string }[] = [];
  try {
    for (const [index, layer] of quantized.entries()) {
      onProgress?.('layers', index, quantized.length);
      const alone: QuantizationSpec = { ...spec, include: [layer.node], keepFirst: false, keepLast: false };
      const directory = join(work, String(index));
      try {
        const rewritten = method.quantize(model, { spec: alone, ranges, facts });
        mkdirSync(directory, { recursive: true });
        const { path } = writeModel(rewritten.model, directory, { externalFile: 'model.bin' });
        measured.push(await compare(runtime, path, layer, samples, expected));
      } catch (error) {
        skipped.push({ node: layer.node, reason: error instanceof Error ? error.message : String(error) });
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const layers = ranked(measured);
  return { layers, samples: samples.length, skipped, exclude: suggestExclusion(layers) };
}

/** With their shares, the most sensitive first. */
export function ranked(layers: readonly Omit<LayerSensitivity, 'share'>[]): LayerSensitivity[] {
  const total = layers.reduce((sum, { relativeRmse }) => sum + relativeRmse ** 2, 0);
  return layers
    .map((layer) => ({ ...layer, share: total === 0 ? 0 : layer.relativeRmse ** 2 / total }))
    .sort((a, b) => b.share - a.share);
}

/** Part of the layers that a suggestion may cost in speed and size, and of the error that it must be worth. */
const EXCLUDED_PART_MAX = 0.1;
const EXCLUDED_SHARE_MIN = 0.3;
const EXCLUDED_SHARE_ENOUGH = 0.7;

/** The few layers that make a good part of the error; none where there are no such. */
export function suggestExclusion(layers: readonly LayerSensitivity[]): Sensitivity['exclude'] {
  const most = Math.max(1, Math.floor(layers.length * EXCLUDED_PART_MAX));
  const nodes: string[] = [];
  let share = 0;
  for (const layer of layers.slice(0, most)) {
    if (share >= EXCLUDED_SHARE_ENOUGH) break;
    nodes.push(layer.node);
    share += layer.share;
  }
  // Of two layers one always makes half of it.
  const isUneven = layers.length > 2 && share >= EXCLUDED_SHARE_MIN;
  return isUneven ? { nodes, share } : { nodes: [], share: 0 };
}

async function firstOf(samples: SampleSet, max: number): Promise<(readonly NamedTensor[])[]> {
  const first: (readonly NamedTensor[])[] = [];
  for await (const sample of samples) {
    first.push(sample);
    if (first.length >= max) break;
  }
  if (first.length === 0) throw new Error('there is no sample to compare with');
  return first;
}

/** As many samples as the specification allows. */
async function* counted({
  samples,
  spec,
  onProgress,
}: SensitivityJob): AsyncIterable<readonly NamedTensor[]> {
  let count = 0;
  for await (const inputs of samples) {
    onProgress?.('calibrating', count, spec.samplesMax);
    yield inputs;
    if (++count >= spec.samplesMax) return;
  }
}

async function compare(
  runtime: Runtime,
  path: string,
  { node, opType }: LayerReport,
  samples: readonly (readonly NamedTensor[])[],
  expected: readonly (readonly NamedTensor[])[],
): Promise<Omit<LayerSensitivity, 'share'>> {
  const model = await runtime.open(path, false);
  try {
    const comparisons = model.description.outputs.map(({ name }) => new OutputComparison(name, false));
    for (const [index, sample] of samples.entries()) {
      const answer = await model.run(sample);
      for (const [place, comparison] of comparisons.entries()) {
        const [a, b] = [expected[index]?.[place], answer[place]];
        invariant(a !== undefined && b !== undefined, 'both models have the same outputs');
        comparison.add(a, b);
      }
    }
    const [worst] = comparisons
      .map(({ error }) => error)
      .sort((a, b) => b.relativeRmse - a.relativeRmse || b.nonFinite - a.nonFinite);
    invariant(worst !== undefined, 'a model has an output');
    const { cosine, relativeRmse, maxAbs } = worst;
    return { node, opType, cosine, relativeRmse, maxAbs };
  } finally {
    await model.release();
  }
}
