import type { Clock } from '../lib/clock.js';
import type { ModelFolder } from '../repository/model-folder.js';
import { readModelSource } from '../repository/model-source.js';
import type { ArchivedModel, ListedModel, Store } from '../repository/store.js';
import { askStore } from './ask-store.js';
import { type Generation, type GenerationOrigin, toGeneration } from './generation.js';

/** The files of a model changed while they were read: what was read may be half of one and half of another. */
export class ChangedWhileReadError extends Error {
  override readonly name = 'ChangedWhileReadError';

  constructor(model: string) {
    super(`the files of model '${model}' changed while they were read`);
  }
}

export interface ReadOptions {
  /** Variant of the configuration, `configs/<name>.pbtxt`; '' = the usual one. */
  readonly configName: string;
  /** JSON of a ModelConfig in place of the folder's; null = the folder's. */
  readonly override: string | null;
  readonly origin: GenerationOrigin;
  /** Whether a client sent the files, so that the repository knows nothing of them. */
  readonly sent: boolean;
  readonly clock: Clock;
}

/**
 * Reads a model: its configuration, which says what versions are served, and their content, fetched to
 * where nothing changes it. Rejects with FindingsError when it can't be served, with
 * {@link ChangedWhileReadError} when it was not left alone, with StoreError when the store can't tell, with
 * Error when it can't be read.
 */
export async function readGeneration(
  store: Store,
  listed: ListedModel,
  options: ReadOptions,
): Promise<Generation> {
  const startNs = options.clock.nowNs();
  let failure: unknown = null;
  let generation: Generation | null = null;
  try {
    generation = await read(store, listed, options);
  } catch (error) {
    failure = error;
  }
  // What was not left alone may look wrong in any way.
  if (
    !options.sent &&
    (await askStore(options.clock, store.find(listed.name)))?.signature !== listed.signature
  ) {
    throw new ChangedWhileReadError(listed.name);
  }
  if (generation === null) throw failure;
  return { ...generation, readNs: options.clock.nowNs() - startNs };
}

async function read(store: Store, listed: ListedModel, options: ReadOptions): Promise<Generation> {
  const { folder } = listed;
  const { configName, override, origin, clock } = options;
  const reading = { configName, ...(override !== null && { override }) };
  // What is wrong with the folder itself is known; fetching it would only tell so in other words.
  if (folder.findings.some(({ severity }) => severity === 'error')) await readModelSource(folder, reading);
  const files = await store.fetchFiles(listed);
  const fetched = { ...folder, directory: files.directory };
  const source = await readModelSource(fetched, reading);
  const contents = new Map<number, { readonly directory: string; readonly hash: string }>();
  for (const version of source.versions) contents.set(version, await store.fetchVersion(listed, version));
  const local = withDirectories(fetched, contents);
  return toGeneration(
    { ...source, folder: local },
    {
      origin,
      hashes: files.hashes,
      contentHashes: new Map([...contents].map(([version, { hash }]) => [version, hash])),
      configOverride: override,
      immutable: isCopy(folder, local, source.versions),
      wallMs: clock.wallMs(),
    },
  );
}

/** A generation that was served before, from what was kept of it. Rejects like {@link readGeneration}. */
export async function readArchived(
  archived: ArchivedModel,
  { configName, clock }: Pick<ReadOptions, 'configName' | 'clock'>,
): Promise<Generation> {
  const { configOverride, folder } = archived;
  const source = await readModelSource(folder, {
    configName,
    ...(configOverride !== null && { override: configOverride }),
  });
  return toGeneration(source, {
    origin: 'rollback',
    hashes: new Map(archived.hashes),
    contentHashes: new Map(archived.versions),
    configOverride,
    immutable: true,
    wallMs: clock.wallMs(),
  });
}

function withDirectories(
  folder: ModelFolder,
  contents: ReadonlyMap<number, { readonly directory: string }>,
): ModelFolder {
  return {
    ...folder,
    versions: folder.versions.map((version) => ({
      ...version,
      directory: contents.get(version.version)?.directory ?? version.directory,
    })),
  };
}

function isCopy(folder: ModelFolder, local: ModelFolder, served: readonly number[]): boolean {
  const copied = local.versions
    .filter(({ version }) => served.includes(version))
    .every(({ directory, origin }) => directory !== origin);
  return copied && local.directory !== folder.directory;
}
