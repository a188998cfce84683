import { statfsSync } from 'node:fs';
import { type Clock, systemClock } from '../../lib/clock.js';
import { type Machine, readMachine } from '../../quantize/machine.js';
import { artifactKey } from '../../quantize/recipe.js';
import { ArtifactCache } from '../../repository/artifact-cache.js';
import { CacheError } from '../../repository/hash-files.js';
import { TreeCache } from '../../repository/tree-cache.js';
import type { BuildCache, BuildReply, BuildRequest, BuildStep } from './build-message.js';
import { compileModel } from './compile.js';

/** Below this a failed build is taken for one that found no room. */
const FREE_BYTES_MIN = 64 << 20;

/** What is made of a model besides the model's own bytes: packed weights beside plain ones. */
const GROWTH = 2;

/** Builds artifacts into a cache; of one process, one after the other. */
export class ArtifactBuilds {
  readonly #clock: Clock;
  readonly #caches = new Map<string, { readonly trees: TreeCache; readonly artifacts: ArtifactCache }>();
  #machine: Machine | null = null;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Rejects for our own mistakes only. */
  async run(request: BuildRequest): Promise<BuildReply> {
    const { trees, artifacts } = this.#open(request.cache);
    this.#machine ??= readMachine();
    const key = artifactKey(request.recipe, this.#machine);
    // Another server may have been faster.
    const known = artifacts.find(key);
    if (known !== null) return { kind: 'built', artifact: known, steps: [] };
    const steps: BuildStep[] = [];
    let draft: string | null = null;
    try {
      const begun = artifacts.begin(GROWTH * request.bytes);
      draft = begun.draft;
      const { options, shapes, label } = request;
      const startNs = this.#clock.nowNs();
      const reason = await compileModel({ options, shapes, directory: begun.directory });
      if (reason !== '' && isFull(trees.directory))
        return { kind: 'no-cache', reason: 'no space is left on its device' };
      const artifact =
        reason === ''
          ? await artifacts.publish(draft, key, label, null)
          : artifacts.refuse(key, label, reason, null);
      steps.push({ name: 'compile', ms: Math.round((this.#clock.nowNs() - startNs) / 1e5) / 10 });
      return { kind: 'built', artifact, steps };
    } catch (error) {
      if (error instanceof CacheError) return { kind: 'no-cache', reason: error.message };
      throw error;
    } finally {
      if (draft !== null) artifacts.abandon(draft);
    }
  }

  /** Removes what is not finished. */
  close(): void {
    for (const { trees } of this.#caches.values()) trees.close();
  }

  #open({ directory, bytesMax }: BuildCache): { trees: TreeCache; artifacts: ArtifactCache } {
    const known = this.#caches.get(directory);
    if (known !== undefined) return known;
    // What servers use they have touched.
    const held = new Set<string>();
    const trees = new TreeCache({ directory, bytesMax, clock: this.#clock, held: () => held });
    const opened = { trees, artifacts: new ArtifactCache(trees, this.#clock) };
    this.#caches.set(directory, opened);
    return opened;
  }
}

function isFull(directory: string): boolean {
  const { bavail, bsize, blocks } = statfsSync(directory);
  return blocks !== 0 && bavail * bsize < FREE_BYTES_MIN;
}
