import type { ReloadPolicy } from '../settings/settings.js';
import type { Aspiration, AspireResult } from './aspiration.js';
import type { CatalogEntry, VersionEntry } from './catalog.js';
import type { Fallbacks } from './fallbacks.js';
import { indexRows } from './index-rows.js';
import type { TurnState } from './load-turn.js';
import type { AspiredSnapshot, ModelSnapshot } from './next-action.js';
import type { Revision, Target } from './revision.js';
import { targetsOf } from './served-generations.js';

/** All that a model's lifecycle keeps in mind. */
export interface ModelState {
  /** What shall be served; null when nothing shall. */
  readonly aspiration: Aspiration | null;
  readonly revisions: ReadonlySet<Revision>;
  /** What was published last, by version. */
  readonly fallbacks: Pick<Fallbacks, 'size' | 'all' | 'retries'>;
  /** Versions that were served once. */
  readonly retired: ReadonlySet<number>;
  /** Why the folder or the configuration can't be used; '' otherwise. */
  readonly rejection: string;
  /** False once it was unloaded on purpose. */
  readonly wanted: boolean;
  /** Whether a server that is ready serves it. */
  readonly required: boolean;
  readonly policy: ReloadPolicy;
  readonly turn: TurnState;
}

/** What {@link nextAction} decides by; `needsSessions` tells of a target that it needs new ones. */
export function toSnapshot(state: ModelState, needsSessions: (target: Target) => boolean): ModelSnapshot {
  const { aspiration, revisions, fallbacks, policy, turn } = state;
  const toAspired = (target: Target, failed: boolean): AspiredSnapshot => ({
    version: target.version.version,
    fingerprint: target.version.fingerprint,
    failed,
    needsSessions: policy === 'memory-preserving' && needsSessions(target),
  });
  return {
    policy,
    aspired: aspiredTargets(aspiration).map((target) =>
      toAspired(target, aspiration?.failed(target.version.version) ?? false),
    ),
    fallbacks: fallbacks
      .all()
      // Where files can change, those of what was served may be others by now.
      .filter(({ generation }) => generation.archived !== null)
      .map((fallback) => toAspired(fallback, fallback.failed)),
    revisions: [...revisions].map(({ id, version, state: at, kept }) => ({
      id,
      version: version.version,
      fingerprint: version.fingerprint,
      state: at,
      keep: kept,
    })),
    turn,
  };
}

/** What the catalog is to say of a model. */
export function toCatalogEntry(state: ModelState): CatalogEntry {
  const { aspiration, revisions, retired, rejection, wanted, required } = state;
  const present = aspiration?.generation.source.folder.versions.map(({ version }) => version) ?? [];
  const rows = indexRows({
    revisions: [...revisions].map(({ version, state: at, loadSignal }) => ({
      version: version.version,
      // A load that nobody wants any more ends with nothing.
      state: at === 'LOADING' && loadSignal.aborted ? 'UNLOADING' : at,
    })),
    aspired: aspiredTargets(aspiration).map(({ version: { version } }) => ({
      version,
      reason: aspiration?.reason(version) ?? '',
    })),
    retired: [...retired].filter((version) => !wanted || present.includes(version)),
  });
  const versions = rows.map((row): VersionEntry => {
    const serving = readyRevision(revisions, row.version)?.loaded.model ?? null;
    return { ...row, reason: row.reason || (serving?.quantization?.shortfall ?? ''), serving };
  });
  return { reason: rejection, required, held: isHeld(state), heldVersions: heldVersions(state), versions };
}

/** Whether each version of an aspiration is served or has failed at least once. */
export function wasTried(aspiration: Aspiration, revisions: ReadonlySet<Revision>): boolean {
  return aspiredTargets(aspiration).every((target) => {
    const { version } = target.version;
    return aspiration.reason(version) !== '' || readyRevision(revisions, version)?.matches(target) === true;
  });
}

/** How an aspiration has ended; null while it has not. */
export function settlement(aspiration: Aspiration, revisions: ReadonlySet<Revision>): AspireResult | null {
  const targets = aspiredTargets(aspiration);
  const open = targets.some((target) => {
    const { version } = target.version;
    const served = readyRevision(revisions, version)?.matches(target) ?? false;
    return !served && isOpen(aspiration, version);
  });
  if (open) return null;
  const failed = targets
    .map(({ version: { version } }) => ({ version, reason: aspiration.reason(version) }))
    .filter(({ reason }) => reason !== '');
  return failed.length > 0 ? { kind: 'failed', versions: failed } : { kind: 'served' };
}

/** What serves a version now. */
export function readyRevision(revisions: ReadonlySet<Revision>, version: number): Revision | undefined {
  return [...revisions].find(
    (revision) => revision.state === 'READY' && revision.version.version === version,
  );
}

/** The versions of an aspiration, each with its generation. */
export function aspiredTargets(aspiration: Aspiration | null): Target[] {
  return aspiration === null ? [] : targetsOf(aspiration.generation);
}

/**
 * Whether a model that was served is not served now, and is about to be again: what replaces it waits for
 * its memory, or is tried again. Nobody who asks for the latest version gets a lower one meanwhile.
 */
function isHeld(state: ModelState): boolean {
  const { aspiration, revisions, fallbacks, wanted } = state;
  if (!wanted || fallbacks.size === 0) return false;
  const aspired = aspiration?.generation.versions.map(({ version }) => version) ?? [];
  const ready = [...revisions].filter((revision) => revision.state === 'READY');
  if (ready.length === 0) {
    const isTriedAgain = aspired.some((version) => aspiration?.retries(version));
    return revisions.size > 0 || isTriedAgain || fallbacks.retries;
  }
  const highest = Math.max(...ready.map(({ version: { version } }) => version));
  if (!fallbacks.all().some(({ version: { version } }) => version > highest)) return false;
  const isComing = aspired.some((version) => version > highest && isOpen(aspiration, version));
  return isComing || heldVersions(state).some((version) => version > highest);
}

/** Versions that were served, are not served now, and are about to be again. */
function heldVersions({ aspiration, revisions, fallbacks, wanted }: ModelState): number[] {
  if (!wanted || aspiration === null) return [];
  const aspired = aspiredTargets(aspiration);
  const isLost = aspired.every((target) => {
    const { version } = target.version;
    return aspiration.failed(version) && readyRevision(revisions, version)?.matches(target) !== true;
  });
  return fallbacks
    .all()
    .filter(({ version: { version }, generation, failed }) => {
      if (readyRevision(revisions, version) !== undefined) return false;
      const isAspired = aspired.some((target) => target.version.version === version);
      const comesBack = !failed && generation.archived !== null && (isAspired || isLost);
      return comesBack || (isAspired && isOpen(aspiration, version));
    })
    .map(({ version: { version } }) => version);
}

/** Whether a version that is aspired can be served still. */
function isOpen(aspiration: Aspiration | null, version: number): boolean {
  return aspiration !== null && (!aspiration.failed(version) || aspiration.retries(version));
}
