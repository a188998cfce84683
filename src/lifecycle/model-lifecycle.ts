import { invariant } from '../lib/invariant.js';
import { readReloadPolicy } from '../model-config/reload-policy.js';
import type { ReloadPolicy } from '../settings/settings.js';
import { Aspiration, type AspireResult } from './aspiration.js';
import { Fallbacks } from './fallbacks.js';
import type { Generation } from './generation.js';
import { InstancePool } from './instance-pool.js';
import { keepGeneration } from './keep-generation.js';
import type { LifecycleContext } from './lifecycle-context.js';
import { loadReason } from './load-reason.js';
import { loadRevision, prepareRevision, type RevisionTarget } from './load-revision.js';
import { loadSteps } from './load-steps.js';
import { LoadTurn } from './load-turn.js';
import { ModelReporter } from './model-reporter.js';
import {
  aspiredTargets,
  type ModelState,
  readyRevision,
  settlement,
  toCatalogEntry,
  toSnapshot,
  wasTried,
} from './model-view.js';
import { needsRoom } from './needs-room.js';
import { type Action, type ModelSnapshot, nextAction } from './next-action.js';
import { retryDelayNs } from './retry-delay.js';
import { Revision } from './revision.js';
import { ServedGenerations } from './served-generations.js';

const SECOND_NS = 1e9;

/**
 * One model's way from what is served to what shall be: asks {@link nextAction} whenever something has
 * changed and does it, until nothing is left to do. Owns the model's revisions and instances, and what the
 * catalog says of it.
 */
export class ModelLifecycle {
  readonly name: string;
  readonly #context: LifecycleContext;
  readonly #pool: InstancePool;
  readonly #reporter: ModelReporter;
  readonly #revisions = new Set<Revision>();
  readonly #fallbacks: Fallbacks;
  readonly #retired = new Set<number>();
  readonly #turn: LoadTurn;
  #aspiration: Aspiration | null = null;
  readonly #served = new ServedGenerations();
  #rejection = '';
  #wanted = true;
  #required = false;
  #releaseReason = '';
  #releases: ((result: 'unloaded' | 'superseded') => void)[] = [];
  #stepping = false;

  constructor(name: string, context: LifecycleContext) {
    this.name = name;
    this.#context = context;
    this.#pool = new InstancePool(() => context.catalog.notify());
    this.#reporter = new ModelReporter(name, context);
    this.#fallbacks = new Fallbacks(context.clock, () => this.#step());
    this.#turn = new LoadTurn(context.gate, context.clock, () => this.#step());
    this.#show();
  }

  /** What shall be served; null when nothing shall. */
  get aspired(): Generation | null {
    return this.#aspiration?.generation ?? null;
  }

  /** Whether nothing is loaded, and nothing shall be. */
  get ended(): boolean {
    return this.#aspiration === null && this.#revisions.size === 0;
  }

  /** Whether its folder or a version that is aspired can't be used. */
  get failing(): boolean {
    const versions = this.#aspiration?.generation.versions ?? [];
    return this.#rejection !== '' || versions.some(({ version }) => this.#aspiration?.reason(version) !== '');
  }

  /** Versions that are loaded, ascending. */
  get loadedVersions(): number[] {
    return [...new Set([...this.#revisions].map(({ version }) => version.version))].sort((a, b) => a - b);
  }

  /** What was served before what is aspired, if all of it is loaded still; null otherwise. */
  get previous(): Generation | null {
    return this.#served.previous(this.aspired?.id, this.#revisions);
  }

  /**
   * Has a generation served in place of what is. What failed of it before is tried again; `anew`: versions
   * of the same one may have changed.
   */
  aspire(generation: Generation, why: string, anew = false): Promise<AspireResult> {
    this.#rejection = '';
    this.#wanted = true;
    this.#endReleases('superseded');
    const isNew = anew || this.#aspiration?.generation.id !== generation.id;
    if (this.#aspiration !== null && !isNew) {
      if (this.failing) this.#aspiration.reopen();
    } else {
      this.#supersede();
      this.#aspiration = new Aspiration(generation, why);
    }
    this.#fallbacks.reopen();
    this.#reporter.accepted(isNew);
    const settled = this.#aspiration.settled();
    this.#step();
    return settled;
  }

  /** Resolves when what shall be served is, or could not be loaded: once, or `retried` as often as it is to be. */
  async tried({ retried }: { readonly retried: boolean }): Promise<void> {
    await (retried ? this.#aspiration?.settled() : this.#aspiration?.tried());
  }

  /** Nothing new can be served, for a reason; what is served still is. */
  reject(reason: string): void {
    if (this.#rejection !== reason) this.#reporter.rejected(reason);
    this.#rejection = reason;
    this.#wanted = true;
    this.#show();
  }

  /** A server that is ready serves it, although it never was served. */
  require(): void {
    this.#required = true;
    this.#show();
  }

  /** Has everything unloaded; resolves when nothing is left or something is wanted again. */
  release(why: string): Promise<'unloaded' | 'superseded'> {
    this.#supersede();
    this.#aspiration = null;
    this.#served.clear();
    this.#fallbacks.retain([]);
    this.#rejection = '';
    this.#wanted = false;
    this.#required = false;
    this.#releaseReason = why;
    for (const revision of this.#revisions) revision.letGo();
    const released = new Promise<'unloaded' | 'superseded'>((resolve) => this.#releases.push(resolve));
    this.#step();
    return released;
  }

  #supersede(): void {
    this.#aspiration?.cancelRetries();
    this.#aspiration?.settle({ kind: 'superseded' });
  }

  #step(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      this.#act();
      this.#settle();
      // What was kept for a roll back to an earlier generation may have to go now.
      this.#act();
    } finally {
      this.#stepping = false;
    }
    this.#show();
    if (this.ended) this.#endReleases('unloaded');
  }

  #act(): void {
    for (const revision of this.#revisions) {
      if (revision.state === 'LOADING' && !this.#isWanted(revision)) revision.abandon();
    }
    let action = nextAction(this.#snapshot());
    while (action !== null) {
      this.#perform(action);
      action = nextAction(this.#snapshot());
    }
  }

  get #state(): ModelState {
    return {
      aspiration: this.#aspiration,
      revisions: this.#revisions,
      fallbacks: this.#fallbacks,
      retired: this.#retired,
      rejection: this.#rejection,
      wanted: this.#wanted,
      required: this.#required,
      policy: this.#policy(),
      turn: this.#turn.state,
    };
  }

  #snapshot(): ModelSnapshot {
    return toSnapshot(this.#state, (target) => needsRoom(this.#context, this.#pool, this.#revisions, target));
  }

  #policy(): ReloadPolicy {
    const config = this.#aspiration?.generation.source.config;
    return (config && readReloadPolicy(config)) ?? this.#context.reloadPolicy;
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case 'load':
        this.#begin(action.version, action.fingerprint);
        return;
      case 'ask':
        this.#turn.ask();
        return;
      case 'yield':
        this.#turn.yield();
        return;
      default:
        this.#change(action);
    }
  }

  #change(action: Extract<Action, { readonly revision: number }>): void {
    const revision = [...this.#revisions].find(({ id }) => id === action.revision);
    invariant(revision !== undefined, `revision ${action.revision} of '${this.name}' is gone`);
    if (action.kind === 'publish') this.#publish(revision);
    else if (action.kind === 'unload') void this.#unload(revision);
    else this.#withdraw(revision, this.#wanted ? 'no longer served' : this.#releaseReason);
  }

  #begin(version: number, fingerprint: string): void {
    const aspired = aspiredTargets(this.#aspiration).find(
      (target) => target.version.fingerprint === fingerprint,
    );
    const target = aspired ?? this.#fallbacks.get(version);
    invariant(target !== undefined, `nothing is known of version ${version} of '${this.name}'`);
    const revision = new Revision(target);
    this.#revisions.add(revision);
    const why = aspired === undefined ? 'what replaced it failed' : (this.#aspiration?.why ?? '');
    this.#reporter.moved(revision, 'loading', why);
    void this.#load(revision);
  }

  async #load(revision: Revision): Promise<void> {
    const { artifacts, clock } = this.#context;
    const target = (): RevisionTarget => ({
      source: revision.generation.source,
      version: revision.version,
      statistics: readyRevision(this.#revisions, revision.version.version)?.loaded.model.statistics ?? null,
      urgent: this.#policy() === 'memory-preserving',
      signal: revision.loadSignal,
    });
    const isFirst = this.#isAspired(revision) && this.#aspiration?.attempts(revision.version.version) === 0;
    try {
      // Before its turn comes: what takes long here is done elsewhere, and others can be loaded meanwhile.
      const preparation =
        artifacts === undefined ? undefined : await prepareRevision(this.#context, this.#pool, target());
      const prepared = preparation?.steps.length ?? 0;
      const readNs = isFirst ? (revision.generation.readNs ?? 0) : 0;
      await this.#turn.run(async (waitedNs) => {
        const startNs = clock.nowNs();
        if (!this.#isWanted(revision)) {
          this.#abandoned(revision);
          return;
        }
        const loaded = await loadRevision(this.#context, this.#pool, target(), preparation);
        const steps = loadSteps(loaded.steps, { readNs, prepared, waitedNs });
        revision.standBy({ ...loaded, steps });
        this.#reporter.loaded(revision, loaded, (clock.nowNs() - startNs) / SECOND_NS);
      });
    } catch (error) {
      if (revision.loadSignal.aborted) this.#abandoned(revision);
      else {
        this.#end(revision);
        this.#fail(revision, loadReason(error));
      }
    }
    this.#step();
  }

  #abandoned(revision: Revision): void {
    this.#end(revision);
    this.#reporter.abandoned(revision);
  }

  #fail(revision: Revision, reason: string): void {
    const { version } = revision.version;
    this.#reporter.failed(revision, reason);
    // Without a version that was served before nothing may be served at all.
    const isLast = [...this.#revisions].every(({ state }) => state !== 'READY');
    this.#fallbacks.failed(revision, isLast);
    const aspiration = this.#aspiration;
    if (aspiration === null || !this.#isAspired(revision)) return;
    aspiration.fail(version, reason);
    const attempts = aspiration.attempts(version);
    if (attempts > this.#context.loadRetries) return;
    const timer = this.#context.clock.setTimer(retryDelayNs(attempts), () => {
      aspiration.reopen(version);
      this.#step();
    });
    aspiration.retryAt(version, timer);
  }

  #publish(revision: Revision): void {
    const { version } = revision;
    const replaced = readyRevision(this.#revisions, version.version);
    if (replaced !== undefined) this.#withdraw(replaced, revision.loaded.updated ? 'updated' : 'replaced');
    revision.move('READY');
    this.#required = true;
    this.#fallbacks.published(revision);
    this.#retired.add(version.version);
    if (this.#isAspired(revision)) this.#aspiration?.succeed(version.version);
    this.#reporter.published(revision);
  }

  #withdraw(revision: Revision, why: string): void {
    revision.move('DRAINING');
    this.#reporter.moved(revision, 'draining', why);
    void this.#drain(revision);
  }

  async #drain(revision: Revision): Promise<void> {
    const { catalog, clock, keepWarmSecs } = this.#context;
    const { model } = revision.loaded;
    // It may be published and leased again, and withdrawn again, before it is known to be idle.
    do await catalog.idle(model);
    while (revision.state === 'DRAINING' && catalog.leases(model) > 0);
    if (revision.state !== 'DRAINING') return;
    revision.move('STANDBY');
    if (keepWarmSecs > 0 && this.#isWorthKeeping(revision)) {
      const expire = (): void => {
        revision.letGo();
        this.#step();
      };
      revision.keepUntil(clock.setTimer(keepWarmSecs * SECOND_NS, expire));
      this.#reporter.moved(revision, 'warm', `kept for ${keepWarmSecs} s`);
    }
    this.#step();
  }

  #isWorthKeeping(revision: Revision): boolean {
    return this.#wanted && this.#policy() !== 'memory-preserving' && this.#served.has(revision);
  }

  async #unload(revision: Revision): Promise<void> {
    revision.move('UNLOADING');
    this.#reporter.moved(revision, 'unloading', '');
    const { model, instances } = revision.loaded;
    try {
      await this.#pool.release(instances, model.scheduler.drain());
    } catch (error) {
      this.#context.log.error({ model: this.name, err: error }, 'unload failed');
    }
    this.#end(revision);
    this.#reporter.moved(revision, 'unloaded', '');
    this.#step();
  }

  #end(revision: Revision): void {
    revision.move('GONE');
    this.#revisions.delete(revision);
  }

  #isAspired(revision: Revision): boolean {
    return aspiredTargets(this.#aspiration).some((target) => revision.matches(target));
  }

  #isWanted(revision: Revision): boolean {
    return this.#isAspired(revision) || this.#fallbacks.all().some((target) => revision.matches(target));
  }

  /** States in the catalog what is known of the model now. */
  #show(): void {
    const entry = toCatalogEntry(this.#state);
    this.#reporter.shown(entry);
    this.#context.catalog.update(this.name, entry);
  }

  #settle(): void {
    const aspiration = this.#aspiration;
    if (aspiration === null || aspiration.isSettled) return;
    if (wasTried(aspiration, this.#revisions)) aspiration.markTried();
    const result = settlement(aspiration, this.#revisions);
    if (result === null) return;
    const { generation } = aspiration;
    if (result.kind === 'served') this.#fullyServed(generation);
    aspiration.settle(result);
  }

  #fullyServed(generation: Generation): void {
    this.#served.add(generation);
    this.#fallbacks.retain(generation.versions.map(({ version }) => version));
    const present = generation.source.folder.versions.map(({ version }) => version);
    for (const version of this.#retired) if (!present.includes(version)) this.#retired.delete(version);
    // Whatever the pace of reloads, one generation is kept.
    for (const revision of this.#revisions) if (!this.#isWorthKeeping(revision)) revision.letGo();
    void keepGeneration(this.#context, generation);
  }

  #endReleases(result: 'unloaded' | 'superseded'): void {
    for (const resolve of this.#releases.splice(0)) resolve(result);
  }
}
