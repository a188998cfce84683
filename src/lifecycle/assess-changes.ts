import type { ListedModel, Listing } from '../repository/store.js';

/** What was seen of a model before. */
export interface Sighting {
  readonly signature: string;
  readonly repository: string;
  /** Since when it looks like this, monotonic. */
  readonly sinceNs: number;
  /** Whether it was seen to look otherwise before. */
  readonly changing: boolean;
  /** Whether this look of it has been dealt with. */
  readonly handled: boolean;
  /** Since when it is gone; null while it is there. */
  readonly goneSinceNs: number | null;
}

export interface Assessment {
  /** Changed, and left alone for long enough. */
  readonly changed: readonly ListedModel[];
  /** Gone for long enough to be no replacement under way. */
  readonly gone: readonly string[];
  readonly sightings: ReadonlyMap<string, Sighting>;
  /** When to look again at what has not been left alone for long enough; Infinity when there is nothing. */
  readonly nextNs: number;
}

export interface Now {
  /** When the look began, which may take long: nothing was seen before, nothing after `nowNs`. */
  readonly startNs: number;
  readonly nowNs: number;
  readonly wallMs: number;
  /** How long files must have been left alone. */
  readonly settleNs: number;
}

/**
 * What of a repository is to be dealt with. Files count as left alone when they have looked the same to us
 * for long enough, at first sight also when their own times say so.
 */
export function assessChanges(
  { models, unreadable }: Listing,
  before: ReadonlyMap<string, Sighting>,
  now: Now,
): Assessment {
  const { startNs, nowNs, settleNs } = now;
  const sightings = new Map<string, Sighting>();
  const changed: ListedModel[] = [];
  let nextNs = Number.POSITIVE_INFINITY;
  for (const model of models) {
    const sighting = sight(model, before.get(model.name), nowNs);
    sightings.set(model.name, sighting);
    if (sighting.handled) continue;
    const quietNs = quietSinceNs(model, sighting, now) + settleNs;
    if (quietNs <= nowNs) changed.push(model);
    else nextNs = Math.min(nextNs, quietNs);
  }
  const gone: string[] = [];
  for (const [name, sighting] of before) {
    if (sightings.has(name)) continue;
    const unknown = unreadable.some(({ repository }) => repository === sighting.repository);
    const goneSinceNs = unknown ? null : (sighting.goneSinceNs ?? nowNs);
    if (goneSinceNs !== null && goneSinceNs + settleNs <= startNs) {
      gone.push(name);
      continue;
    }
    if (goneSinceNs !== null) nextNs = Math.min(nextNs, goneSinceNs + settleNs);
    sightings.set(name, { ...sighting, goneSinceNs });
  }
  return { changed, gone, sightings, nextNs };
}

/** How long, from now, files that changed last at `changedMs` must still be left alone; 0 = no longer. */
export function quietInNs(changedMs: number, { wallMs, settleNs }: Pick<Now, 'wallMs' | 'settleNs'>): number {
  const ageNs = (wallMs - changedMs) * 1e6;
  return Math.max(0, settleNs - Math.max(0, ageNs));
}

function sight(model: ListedModel, before: Sighting | undefined, nowNs: number): Sighting {
  if (before !== undefined && before.signature === model.signature) return { ...before, goneSinceNs: null };
  const { repository } = model.folder;
  const { signature } = model;
  return {
    signature,
    repository,
    sinceNs: nowNs,
    changing: before !== undefined,
    handled: false,
    goneSinceNs: null,
  };
}

/**
 * Since when it is known to look like this: at first sight as long as its files say, but what was seen to
 * change since we saw it, for the clock of a file system may also be behind ours.
 */
function quietSinceNs(model: ListedModel, { sinceNs, changing }: Sighting, { nowNs, wallMs }: Now): number {
  return changing ? sinceNs : Math.min(sinceNs, nowNs - (wallMs - model.changedMs) * 1e6);
}
