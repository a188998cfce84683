import { mapBounded } from '../lib/bounded.js';
import type { Clock, Timer } from '../lib/clock.js';
import type { ListedModel, Listing, Store } from '../repository/store.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { assessChanges, type Sighting } from './assess-changes.js';

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

/** Looks at the repositories again and again, and reports what has changed and been left alone since. */
export class RepositoryLoop {
  readonly #options: RepositoryLoopOptions;
  #sightings: ReadonlyMap<string, Sighting> = new Map();
  #unreadable = new Set<string>();
  #timer: Timer | null = null;
  #scanning: Promise<void> | null = null;
  #hinted = false;
  #running = false;

  constructor(options: RepositoryLoopOptions) {
    this.#options = options;
  }

  /** Looks, `first` being the first look, until all there is has been dealt with or `patienceNs` is over. */
  async settle(patienceNs: number, first: Listing): Promise<void> {
    const { clock } = this.#options;
    const endNs = clock.nowNs() + patienceNs;
    let nextNs = await this.#assess(first);
    while (nextNs < endNs) {
      await new Promise<void>((resolve) => clock.setTimer(Math.max(0, nextNs - clock.nowNs()), resolve));
      nextNs = await this.#scan();
    }
  }

  /** Goes on looking from now on. */
  run(): void {
    this.#running = true;
    this.#schedule(Number.POSITIVE_INFINITY);
  }

  /** Something may have changed: looks again soon rather than at the next round. */
  hint(): void {
    if (!this.#running || this.#hinted) return;
    this.#hinted = true;
    if (this.#scanning === null) this.#schedule(Number.POSITIVE_INFINITY);
  }

  /** Resolves when nothing of it is under way. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await this.#scanning;
  }

  #look(): void {
    this.#timer?.cancel();
    this.#hinted = false;
    this.#scanning = this.#scan().then((nextNs) => {
      this.#scanning = null;
      if (this.#running) this.#schedule(nextNs);
    });
  }

  #schedule(nextNs: number): void {
    const { clock, pollNs } = this.#options;
    const nowNs = clock.nowNs();
    const dueNs = Math.min(nowNs + (this.#hinted ? HINT_NS : pollNs), Math.max(nowNs + SOON_NS, nextNs));
    this.#timer?.cancel();
    this.#timer = clock.setTimer(dueNs - nowNs, () => this.#look());
  }

  /** One look; returns when the next one is due. */
  async #scan(): Promise<number> {
    const { store, clock, log, metrics } = this.#options;
    const startNs = clock.nowNs();
    let listing: Listing;
    try {
      listing = await store.list();
    } catch (error) {
      log.error({ err: error }, 'the model repositories can not be looked at');
      metrics.scanned((clock.nowNs() - startNs) / 1e9, false);
      return Number.POSITIVE_INFINITY;
    }
    metrics.scanned((clock.nowNs() - startNs) / 1e9, listing.unreadable.length === 0);
    return this.#assess(listing);
  }

  async #assess(listing: Listing): Promise<number> {
    const { clock, settleNs, readsMax, isIncluded, onChanged, onGone, onFolders } = this.#options;
    this.#noteUnreadable(listing);
    onFolders(
      listing.models.flatMap(({ folder }) => [folder.directory, ...folder.versions.map((v) => v.directory)]),
    );
    const models = listing.models.filter(({ name }) => isIncluded(name));
    const now = { nowNs: clock.nowNs(), wallMs: clock.wallMs(), settleNs };
    const { changed, gone, sightings, nextNs } = assessChanges({ ...listing, models }, this.#sightings, now);
    const outcomes = await mapBounded(changed, readsMax, onChanged);
    for (const name of gone) onGone(name);
    const handled = new Set(
      changed.filter((_, index) => outcomes[index] === 'handled').map(({ name }) => name),
    );
    this.#sightings = new Map(
      [...sightings].map(([name, sighting]) => [
        name,
        { ...sighting, handled: sighting.handled || handled.has(name) },
      ]),
    );
    if (!outcomes.includes('soon')) return nextNs;
    return Math.min(nextNs, clock.nowNs() + Math.max(settleNs, SOON_NS));
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

/** From a hint to the look: a copy under way hints all the time. */
const HINT_NS = 100e6;

/** The least time between two looks. */
const SOON_NS = 50e6;
