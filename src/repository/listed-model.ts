import { type ModelFolder, type WalkedModel, walkModel } from './model-folder.js';
import type { OpenRepository } from './paths.js';
import { mergeFolders } from './repository.js';
import type { ListedModel } from './store.js';

/** What is fetched of a model at once: a version, or the files outside of versions. */
export type PartName = 'files' | number;

/** A model as it lies in one repository now; null when it isn't there. */
export function listModel(repository: OpenRepository, name: string): ListedModel | null {
  const walked = walkModel(repository, name);
  return walked === null ? null : toListed(walked);
}

/** A model that several repositories may hold, of which nothing is served then. */
export function mergeModels(first: ListedModel, others: readonly ListedModel[]): ListedModel {
  if (others.length === 0) return first;
  const all = [first, ...others];
  return {
    name: first.name,
    folder: mergeFolders(
      first.folder,
      others.map(({ folder }): ModelFolder => folder),
    ),
    signature: all.map(({ signature }) => signature).join(';'),
    changedMs: Math.max(...all.map(({ changedMs }) => changedMs)),
  };
}

/** The signature that a part of the model had when the model was listed; undefined when it had no such part. */
export function signatureOf({ signature }: ListedModel, part: PartName): string | undefined {
  const prefix = `${part}=`;
  const found = signature.split(';').find((entry) => entry.startsWith(prefix));
  return found?.slice(prefix.length);
}

function toListed({ folder, own, versions }: WalkedModel): ListedModel {
  const parts = [own, ...versions.values()];
  const signatures = [
    `files=${own.signature}`,
    ...[...versions].sort(([a], [b]) => a - b).map(([version, part]) => `${version}=${part.signature}`),
  ];
  return {
    name: folder.name,
    folder,
    signature: signatures.join(';'),
    changedMs: Math.max(...parts.map(({ changedMs }) => changedMs)),
  };
}
