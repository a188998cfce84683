import { statfsSync } from 'node:fs';
import { type Clock, systemClock } from '../../lib/clock.js';
import type { QuantizationSpec } from '../../model-config/quantization.js';
import { type Machine, readMachine } from '../../quantize/machine.js';
import { artifactKey } from '../../quantize/recipe.js';
import { ArtifactCache, type ArtifactDraft } from '../../repository/artifact-cache.js';
import { CacheError } from '../../repository/hash-files.js';
import { TreeCache } from '../../repository/tree-cache.js';
import type {
  ArtifactDetails,
  BuildCache,
  BuildReply,
  BuildRequest,
  BuildStep,
  QuantizationOrder,
} from './build-message.js';
import { compileModel } from './compile.js';
import { quantizeForServing } from './quantize-for-serving.js';
import { shortageOf } from './shortage.js';

/** Below this a failed build is taken for one that found no room. */
const FREE_BYTES_MIN = 64 << 20;

/** What is made of a model besides the model's own bytes: packed weights beside plain ones. */
const GROWTH = 2;

const ABANDONED = 'nobody waits for what is built any more';

/** What came of a build: files in the draft, or a reason why there are none. */
interface Outcome {
  readonly reason: string;
  readonly details: ArtifactDetails;
  readonly steps: readonly BuildStep[];
}

/** Builds artifacts into a cache; of one process, one after the other. */
export class ArtifactBuilds {
  readonly #clock: Clock;
  readonly #caches = new Map<string, { readonly trees: TreeCache; readonly artifacts: ArtifactCache }>();
  #machine: Machine | null = null;
  #closed = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Rejects for our own mistakes only. */
  async run(request: BuildRequest): Promise<BuildReply> {
    const { trees, artifacts } = this.#open(request.cache);
    this.#machine ??= readMachine();
    const key = artifactKey(request.recipe, this.#machine);
    // Another server may have been faster.
    const known = await artifacts.find(key);
    if (known !== null) return { kind: 'built', artifact: known, steps: [] };
    let draft: string | null = null;
    try {
      const begun = artifacts.begin(GROWTH * request.bytes);
      draft = begun.draft;
      const { reason, details, steps } = await this.#build(request, artifacts, begun);
      // What was being written may have been removed meanwhile: that tells nothing of the model.
      if (this.#closed) return { kind: 'no-cache', reason: ABANDONED };
      if (reason === '') {
        const artifact = await artifacts.publish(draft, key, request.label, details);
        return { kind: 'built', artifact, steps };
      }
      // By now what filled the device may have been removed.
      const shortage = shortageOf(reason);
      if (shortage === 'space' || isFull(trees.directory))
        return { kind: 'no-cache', reason: 'no space is left on its device' };
      const artifact =
        shortage === null
          ? artifacts.refuse(key, request.label, reason, details)
          : { directory: null, reason, details };
      return { kind: 'built', artifact, steps };
    } catch (error) {
      if (error instanceof CacheError) return { kind: 'no-cache', reason: error.message };
      throw error;
    } finally {
      if (draft !== null) artifacts.abandon(draft);
    }
  }

  /** Removes what is not finished; builds under way come to nothing. */
  close(): void {
    this.#closed = true;
    for (const { trees } of this.#caches.values()) trees.close();
  }

  #build(request: BuildRequest, artifacts: ArtifactCache, draft: ArtifactDraft): Promise<Outcome> {
    const { recipe, quantization } = request;
    return recipe.quantization === null || quantization === null
      ? this.#compile(request, draft)
      : this.#quantize(request, recipe.quantization.spec, quantization, artifacts, draft);
  }

  async #compile({ options, shapes }: BuildRequest, { directory }: ArtifactDraft): Promise<Outcome> {
    const startNs = this.#clock.nowNs();
    const reason = await compileModel({ options, shapes, directory });
    const steps = [{ name: 'compile', ms: this.#msSince(startNs) }];
    return { reason, details: { compiled: reason === '', report: null }, steps };
  }

  async #quantize(
    request: BuildRequest,
    spec: QuantizationSpec,
    order: QuantizationOrder,
    artifacts: ArtifactCache,
    { draft, directory }: ArtifactDraft,
  ): Promise<Outcome> {
    const work = `${draft}-work`;
    const startNs = this.#clock.nowNs();
    try {
      const { report, compiled } = await quantizeForServing(
        { ...request, ...order, spec, directory, work, onProgress: () => this.#goOn(artifacts) },
        this.#clock,
      );
      const steps = [{ name: 'quantize', ms: this.#msSince(startNs) }];
      return { reason: report.reason, details: { compiled, report }, steps };
    } catch (error) {
      // The model can't be loaded, its samples can't be read, or there was no space.
      const reason = error instanceof Error ? error.message : String(error);
      return { reason, details: { compiled: false, report: null }, steps: [] };
    }
  }

  /** Called at every step. Throws Error when nobody waits for what comes of it. */
  #goOn(artifacts: ArtifactCache): void {
    if (this.#closed) throw new Error(ABANDONED);
    artifacts.keepDrafts();
  }

  #msSince(startNs: number): number {
    return Math.round((this.#clock.nowNs() - startNs) / 1e5) / 10;
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
