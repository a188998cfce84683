import { resolve } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import { FileArchive } from './archive.js';
import { ArtifactCache } from './artifact-cache.js';
import { FileStore } from './file-store.js';
import { type HeldTrees, Holds } from './holds.js';
import { TreeCache } from './tree-cache.js';

/** Where models lie and where they are copied to, as plain data. */
export interface StorePlaces {
  readonly repositories: readonly string[];
  /** Absolute path of the folder of the copies; null = models are served from the repositories themselves. */
  readonly artifactCache: string | null;
  readonly cacheBytesMax?: number;
  /** What this process used already, when another thread goes on for one that has died. */
  readonly held?: readonly HeldTrees[];
}

export interface OpenStore {
  readonly store: FileStore;
  readonly archive: FileArchive;
  /** null = there is no cache. */
  readonly artifacts: ArtifactCache | null;
  readonly holds: Holds;
}

/** The store and the archive of some repositories, which share one cache. `warn` takes texts for the log. */
export function openFileStore(
  { repositories, artifactCache, cacheBytesMax = LIMITS.cacheBytesMax, held = [] }: StorePlaces,
  clock: Clock,
  warn: (text: string) => void,
): OpenStore {
  const holds = new Holds(held);
  const cache =
    artifactCache === null
      ? null
      : new TreeCache({
          directory: resolve(artifactCache),
          bytesMax: cacheBytesMax,
          clock,
          held: () => holds.trees(),
        });
  return {
    store: new FileStore({ repositories, cache, holds, clock, warn }),
    archive: new FileArchive({ cache, repositories, holds }),
    artifacts: cache === null ? null : new ArtifactCache(cache, clock),
    holds,
  };
}
