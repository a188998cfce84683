import type { ReloadPolicy } from '../settings/settings.js';
import type { TurnState } from './load-turn.js';
import type { RevisionState } from './states.js';

/** A version that shall be served, with one content and configuration. */
export interface AspiredSnapshot {
  readonly version: number;
  readonly fingerprint: string;
  /** It was tried and is not to be tried again, at least for now. */
  readonly failed: boolean;
  /** Whether it needs sessions that are not there yet, and the memory of others. */
  readonly needsSessions: boolean;
}

export interface RevisionSnapshot {
  readonly id: number;
  readonly version: number;
  readonly fingerprint: string;
  readonly state: RevisionState;
  /** Whether it is to stay loaded while it stands by. */
  readonly keep: boolean;
}

/** All that the next step of a model depends on. */
export interface ModelSnapshot {
  readonly policy: ReloadPolicy;
  /** What the source of the model states; empty = nothing shall be loaded. */
  readonly aspired: readonly AspiredSnapshot[];
  /** What was served last: it takes the place of what can't be served. */
  readonly fallbacks: readonly AspiredSnapshot[];
  readonly revisions: readonly RevisionSnapshot[];
  /** Whether it is the model's turn to make room and load. */
  readonly turn: TurnState;
}

export type Action =
  | { readonly kind: 'load'; readonly version: number; readonly fingerprint: string }
  /** Takes the place of what is published of the same version, which drains then. */
  | { readonly kind: 'publish'; readonly revision: number }
  | { readonly kind: 'withdraw'; readonly revision: number }
  | { readonly kind: 'unload'; readonly revision: number }
  /** Queues for the model's turn to make room and load, or gives it up. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'yield' };

/**
 * The one step that a model is to take next; null = none until something changes. Asked again after each
 * step it leads from any state to the aspired one, never with a moment in which a model that could be
 * served is not, unless its policy puts memory first.
 */
export function nextAction(snapshot: ModelSnapshot): Action | null {
  const model = { ...snapshot, targets: targets(snapshot) };
  return publication(model) ?? queueing(model) ?? withdrawal(model) ?? unloading(model) ?? load(model);
}

/** A snapshot with what follows from it. */
interface View extends ModelSnapshot {
  readonly targets: readonly AspiredSnapshot[];
}

/** Something loaded that shall be served and is not. */
function publication(model: View): Action | null {
  for (const target of model.targets) {
    if (isReady(model, target)) continue;
    const loaded = find(model, target, ['DRAINING', 'STANDBY']);
    if (loaded !== undefined) return { kind: 'publish', revision: loaded.id };
  }
  return null;
}

/** What makes room goes only when nothing else is loaded first. */
function queueing(model: View): Action | null {
  const needsTurn = isLoading(model) ? model.turn === 'held' : mustMakeRoom(model);
  if (needsTurn === (model.turn !== 'none')) return null;
  return { kind: needsTurn ? 'ask' : 'yield' };
}

function mustMakeRoom(model: View): boolean {
  const next = missing(model);
  if (next === undefined || !makesRoom(model, next)) return false;
  return model.turn === 'held' || model.revisions.some((revision) => isInTheWay(model, revision));
}

/** Something served that is not to be served any more, and whose place is taken. */
function withdrawal(model: View): Action | null {
  const surplus = model.revisions.find(
    (revision) => revision.state === 'READY' && isReplaced(model, revision),
  );
  return surplus === undefined ? null : { kind: 'withdraw', revision: surplus.id };
}

function unloading(model: View): Action | null {
  const surplus = model.revisions.find(
    (revision) =>
      revision.state === 'STANDBY' &&
      !model.targets.some((target) => matches(revision, target)) &&
      (!revision.keep || model.policy === 'memory-preserving'),
  );
  return surplus === undefined ? null : { kind: 'unload', revision: surplus.id };
}

/** One at a time, the highest version first, since that is the one most requests ask for. */
function load(model: View): Action | null {
  if (isLoading(model)) return null;
  const target = missing(model);
  if (target === undefined) return null;
  if (makesRoom(model, target) && model.revisions.some((revision) => isInTheWay(model, revision)))
    return null;
  return { kind: 'load', version: target.version, fingerprint: target.fingerprint };
}

function isReplaced(model: View, revision: RevisionSnapshot): boolean {
  if (model.aspired.length === 0) return true;
  if (isTarget(model, revision)) return false;
  // Nothing else is loaded before what is being loaded, so nothing else needs the room.
  if (model.turn === 'held' && mustMakeRoom(model) && !isLoading(model)) return true;
  // What is aspired and published has replaced the same version already; others go when all is settled.
  if (model.aspired.some(({ version }) => version === revision.version)) return false;
  const settled = model.aspired.every((target) => target.failed || isReady(model, target));
  return settled && model.aspired.some((target) => isReady(model, target));
}

function isLoading({ revisions }: View): boolean {
  return revisions.some(({ state }) => state === 'LOADING');
}

/** Whether the memory of a revision is given back before something else is loaded. */
function isInTheWay(model: View, revision: RevisionSnapshot): boolean {
  return revision.state === 'UNLOADING' || !isTarget(model, revision);
}

function makesRoom({ policy }: View, target: AspiredSnapshot): boolean {
  return policy === 'memory-preserving' && target.needsSessions;
}

/**
 * What is to be served, the highest version first: the aspired versions, in place of each that failed what
 * was served of it last, and when all failed everything that was served last.
 */
function targets(model: ModelSnapshot): AspiredSnapshot[] {
  const { aspired, fallbacks } = model;
  const usable = fallbacks.filter((fallback) => !fallback.failed);
  const isUsable = (target: AspiredSnapshot): boolean => !target.failed || isReady(model, target);
  const wanted = aspired.some(isUsable)
    ? aspired.flatMap((target) =>
        isUsable(target) ? [target] : usable.filter(({ version }) => version === target.version),
      )
    : aspired.length > 0
      ? usable
      : [];
  return wanted.toSorted((a, b) => b.version - a.version);
}

function missing(model: View): AspiredSnapshot | undefined {
  return model.targets.find(
    (target) => !target.failed && !find(model, target, ['LOADING', 'STANDBY', 'READY', 'DRAINING']),
  );
}

function isTarget(model: View, revision: RevisionSnapshot): boolean {
  return model.targets.some((target) => matches(revision, target));
}

function isReady(model: ModelSnapshot, target: AspiredSnapshot): boolean {
  return find(model, target, ['READY']) !== undefined;
}

function find(
  { revisions }: ModelSnapshot,
  target: AspiredSnapshot,
  states: readonly RevisionState[],
): RevisionSnapshot | undefined {
  return revisions.find((revision) => matches(revision, target) && states.includes(revision.state));
}

function matches(revision: RevisionSnapshot, target: AspiredSnapshot): boolean {
  return revision.version === target.version && revision.fingerprint === target.fingerprint;
}
