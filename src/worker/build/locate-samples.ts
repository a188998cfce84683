import { existsSync } from 'node:fs';
import type { Recipe } from '../../quantize/recipe.js';
import type { Artifact } from '../../repository/artifact-cache.js';
import { chooseSampleFiles, hashSampleFiles } from './sample-files.js';

/** Where a model's samples may lie, and how many are taken. */
export interface SamplePlaces {
  /** Absolute paths, the first that is there counts. */
  readonly folders: readonly string[];
  readonly samplesMax: number;
}

/** A recipe with the samples that it goes by, and the folder in which they lie. */
export interface LocatedRecipe {
  readonly recipe: Recipe;
  readonly folder: string | null;
}

/** What was made by a recipe; null when nobody has tried to make it. */
export interface FoundArtifact extends LocatedRecipe {
  readonly artifact: Artifact | null;
}

/** Completes a recipe by the hash of its samples. Rejects with an Error for people when they can't be read. */
export async function locateSamples(recipe: Recipe, places: SamplePlaces | null): Promise<LocatedRecipe> {
  const { quantization } = recipe;
  if (quantization === null || places === null) return { recipe, folder: null };
  const folder = places.folders.find((candidate) => existsSync(candidate));
  if (folder === undefined) throw new Error(`there is no folder of samples '${places.folders.at(-1)}'`);
  // Whoever asks for a model by its first requests does not care which those were.
  if (quantization.spec.calibration.kind === 'live') return { recipe, folder };
  const files = chooseSampleFiles(folder, places.samplesMax);
  const samples = await hashSampleFiles(folder, files);
  return { recipe: { ...recipe, quantization: { ...quantization, samples } }, folder };
}
