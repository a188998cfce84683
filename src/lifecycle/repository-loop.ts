import type { Clock, Timer } from '../lib/clock.js';
import type { ListedModel, Listing, Store } from '../repository/store.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { assessChanges, type Sighting } from './assess-changes.js';
import { LoadGate } from './load-gate.js';

/** What has become of a change: look at it again `soon`, or at the next round (`later`). */
export type Handling = 'handled' | 'soon' | 'later';

export interface RepositoryLoopOptions {
  readonly store: Pick<Store, 'list'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'scanned'>;
  readonly pollNs: number;
  readonly settleNs: number;
  /** Models read at the same time. */
  readonly readsMax: number;
  /** Which models are looked after. */
  readonly isIncluded: (name: string) => boolean;
  /** Deals with a model that is new or changed. */
  readonly onChanged: (model: ListedModel) => Promise<Handling>;
  readonly onGone: (name: string) => void;
  /** Told after each look which folders are worth watching. */
  readonly onFolders: (directories: readonly string[]) => void;
}

/** From a hint to the look: a copy under way hints all the time. */
const HINT_NS = 100e6;

/** The least time between two looks. */
const SOON_NS = 50e6;

/**
 * Looks at the repositories again and again, and reports what has changed and been left alone since.
 * Models are dealt with one apart from the other: one that takes long, or for ever, holds up no other.
 */
export class RepositoryLoop {
  readonly #options: RepositoryLoopOptions;
  readonly #sightings = new Map<string, Sighting>();
  readonly #reads: LoadGate;
  /** Changes that are being dealt with, by model. */
  readonly #handling = new Map<string, Promise<void>>();
  #unreadable = new Set<string>();
  #phase: 'settling' | 'running' | 'stopped' = 'settling';
  #looking: Promise<void> | null = null;
  #timer: Timer | null = null;
  /** Ends the pause between two looks while settling. */
  #wake: () => void = () => {};
  #lookedNs = 0;
  #hintedNs = Number.POSITIVE_INFINITY;
  /** When something is to be looked at again. */
  #nextNs = Number.POSITIVE_INFINITY;

  constructor(options: RepositoryLoopOptions) {
    this.#options = options;
    this.#reads = new LoadGate(options.readsMax, () => false);
  }

  /**
   * Looks, `first` being the first look, until all there is has been dealt with or `patienceNs` is over.
   * Resolves to the names of models that have not been dealt with.
   */
  async settle(patienceNs: number, first: Listing): Promise<readonly string[]> {
    const { clock } = this.#options;
    const endNs = clock.nowNs() + patienceNs;
    this.#lookedNs = clock.nowNs();
    this.#assess(first, this.#lookedNs);
    for (;;) {
      await Promise.all(this.#handling.values());
      if (this.#phase === 'stopped' || this.#nextNs >= endNs) break;
      await this.#pause();
      await this.#look();
    }
    return [...this.#sightings].filter(([, { handled }]) => !handled).map(([name]) => name);
  }

  /** Goes on looking from now on. */
  run(): void {
    if (this.#phase === 'stopped') return;
    this.#phase = 'running';
    this.#schedule();
  }

  /** Something may have changed: looks again soon rather than at the next round. */
  hint(): void {
    this.#hintedNs = Math.min(this.#hintedNs, this.#options.clock.nowNs());
    this.#schedule();
  }

  /** Resolves when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#phase = 'stopped';
    this.#timer?.cancel();
    this.#wake();
    await this.#looking;
    await Promise.all(this.#handling.values());
  }

  /** When the next look is due. */
  get #dueNs(): number {
    const { pollNs } = this.#options;
    const dueNs = Math.min(this.#lookedNs + pollNs, this.#hintedNs + HINT_NS, this.#nextNs);
    return Math.max(this.#lookedNs + SOON_NS, dueNs);
  }

  #schedule(): void {
    if (this.#phase !== 'running' || this.#looking !== null) return;
    const { clock } = this.#options;
    this.#timer?.cancel();
    this.#timer = clock.setTimer(Math.max(0, this.#dueNs - clock.nowNs()), () => void this.#look());
  }

  #pause(): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = clock.setTimer(Math.max(SOON_NS, this.#nextNs - clock.nowNs()), resolve);
    });
  }

  async #look(): Promise<void> {
    if (this.#phase === 'stopped') return;
    this.#hintedNs = Number.POSITIVE_INFINITY;
    this.#looking = this.#scan();
    await this.#looking;
    this.#looking = null;
    this.#schedule();
  }

  async #scan(): Promise<void> {
    const { store, clock, log, metrics } = this.#options;
    const startNs = clock.nowNs();
    let listing: Listing | null = null;
    try {
      listing = await store.list();
    } catch (error) {
      log.error({ err: error }, 'the model repositories can not be looked at');
    }
    const seconds = (clock.nowNs() - startNs) / 1e9;
    metrics.scanned(seconds, listing !== null && listing.unreadable.length === 0);
    this.#lookedNs = clock.nowNs();
    this.#nextNs = Number.POSITIVE_INFINITY;
    if (listing !== null && this.#phase !== 'stopped') this.#assess(listing, startNs);
  }

  #assess(listing: Listing, startNs: number): void {
    const { clock, settleNs, isIncluded, onGone, onFolders } = this.#options;
    this.#noteUnreadable(listing);
    onFolders(
      listing.models.flatMap(({ folder }) => [folder.directory, ...folder.versions.map((v) => v.directory)]),
    );
    const models = listing.models.filter(({ name }) => isIncluded(name));
    const now = { startNs, nowNs: clock.nowNs(), wallMs: clock.wallMs(), settleNs };
    const { changed, gone, sightings, nextNs } = assessChanges({ ...listing, models }, this.#sightings, now);
    this.#sightings.clear();
    for (const [name, sighting] of sightings) this.#sightings.set(name, sighting);
    this.#nextNs = nextNs;
    for (const model of changed) if (!this.#handling.has(model.name)) this.#handle(model);
    for (const name of gone) onGone(name);
  }

  #handle(model: ListedModel): void {
    const { onChanged, clock, settleNs } = this.#options;
    const { name, signature } = model;
    const handle = async (): Promise<void> => {
      // When its turn comes it may be gone.
      const handling = await this.#reads.run(async () =>
        this.#phase === 'stopped' || !this.#sightings.has(name) ? 'later' : onChanged(model),
      );
      this.#handling.delete(name);
      const sighting = this.#sightings.get(name);
      const isSame = sighting?.signature === signature;
      if (sighting !== undefined && isSame && handling === 'handled') {
        this.#sightings.set(name, { ...sighting, handled: true });
        return;
      }
      // Meanwhile it may have changed again, and been left alone.
      if (isSame && handling === 'later') return;
      this.#nextNs = Math.min(this.#nextNs, clock.nowNs() + settleNs);
      this.#schedule();
    };
    this.#handling.set(name, handle());
  }

  /** Once when it begins and once when it ends, not at every look. */
  #noteUnreadable({ unreadable }: Listing): void {
    const { log } = this.#options;
    for (const { repository, reason } of unreadable) {
      if (this.#unreadable.has(repository)) continue;
      log.error({ repository }, `${reason}; its models stay as they are`);
    }
    const now = new Set(unreadable.map(({ repository }) => repository));
    for (const repository of this.#unreadable) {
      if (!now.has(repository))
        log.info({ repository }, `model repository '${repository}' can be read again`);
    }
    this.#unreadable = now;
  }
}
