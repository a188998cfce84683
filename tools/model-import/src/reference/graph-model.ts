import type { GraphModel } from '@tensorflow/tfjs';
import { aligned } from '../bytes.ts';
import type { Input } from '../runtime/session.ts';
import { readSourceFile, readSourceText } from '../source-file.ts';
import type { NetSource } from '../sources.ts';
import type { WeightsManifest } from '../tfjs/weights.ts';
import { tf } from './tensorflow.ts';

/** Loads a graph model as TensorFlow.js itself does. */
export async function loadGraphModel(source: NetSource): Promise<GraphModel> {
  const json = JSON.parse(readSourceText(source.description));
  const manifest: WeightsManifest = json.weightsManifest;
  const artifacts = {
    modelTopology: json.modelTopology,
    signature: json.signature,
    format: json.format,
    weightSpecs: manifest.flatMap((group) => group.weights),
    weightData: aligned(readSourceFile(source.weights)),
  } as Parameters<typeof tf.io.fromMemory>[0];
  return tf.loadGraphModel(tf.io.fromMemory(artifacts));
}

/** Runs the model on one picture and gives the named outputs, one after the other. */
export function runGraphModel(model: GraphModel, input: Input, outputs: readonly string[]): Float32Array[] {
  return tf.tidy(() => {
    const image = tf.tensor(input.data, [...input.shape], 'float32');
    const results = model.execute({ [model.inputs[0].name]: image }, [...outputs]);
    return [results].flat().map((result) => Float32Array.from(result.dataSync()));
  });
}
