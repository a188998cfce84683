import { readSourceFile, readSourceText } from '../../source-file.ts';
import type { NetSource } from '../../sources.ts';
import { readWeights, type WeightsManifest } from '../../tfjs/weights.ts';
import type { NetWeights } from './layers.ts';

export function readNetWeights(source: NetSource): NetWeights {
  const manifest: WeightsManifest = JSON.parse(readSourceText(source.description));
  return readWeights(manifest, readSourceFile(source.weights));
}
