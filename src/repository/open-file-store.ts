import { hostname } from 'node:os';
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
  /** Tells this server from others of its machine, and is the same after a restart: whose generations are listed. */
  readonly server?: string;
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
  { repositories, artifactCache, cacheBytesMax = LIMITS.cacheBytesMax, server = '', held = [] }: StorePlaces,
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
          left: holds.left,
          warn,
        });
  return {
    store: new FileStore({ repositories, cache, holds, clock, warn }),
    archive: new FileArchive({ cache, server: `${hostname()}\0${server}`, repositories, holds, clock }),
    artifacts: cache === null ? null : new ArtifactCache(cache, clock),
    holds,
  };
}
