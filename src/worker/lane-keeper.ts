import type { Device } from '../backend/backend.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import type { Log } from '../telemetry/log.js';
import type { GentleLoads } from './gentle-loads.js';
import { Lane, LaneLostError } from './lane.js';
import { LaneInstance, type LoadRequest } from './lane-instance.js';
import { ReloadDelay } from './reload-delay.js';
import type { Tidying } from './tidying.js';

export interface LaneKeeperOptions {
  readonly id: number;
  readonly device: Device;
  readonly clock: Clock;
  readonly log: Log;
  readonly gentleLoads: GentleLoads;
  readonly tidying: Tidying;
  /** Called when the lane has ended, which it does with its last instance. */
  readonly onEnded: () => void;
}

/** Keeps one lane and its instances alive: replaces a lane whose thread died and loads them again. */
export class LaneKeeper {
  readonly id: number;
  readonly device: Device;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gentleLoads: GentleLoads;
  readonly #tidying: Tidying;
  readonly #onEnded: () => void;
  readonly #instances = new Set<LaneInstance>();
  /** Instances that were available when their lane died and are to be loaded again. */
  readonly #lost = new Set<LaneInstance>();
  readonly #delay = new ReloadDelay();
  #lane: Lane;
  #replaced = 0;
  /** Of lanes that died. */
  #busyBeforeNs = 0;
  #restoring = false;
  /** Ends the wait before the next reload. */
  #wake: () => void = () => {};
  #end: Promise<void> | null = null;

  constructor({ id, device, clock, log, gentleLoads, tidying, onEnded }: LaneKeeperOptions) {
    this.id = id;
    this.device = device;
    this.#clock = clock;
    this.#log = log;
    this.#gentleLoads = gentleLoads;
    this.#tidying = tidying;
    this.#onEnded = onEnded;
    this.#lane = this.#newLane();
  }

  /** Those being loaded and those waiting to be loaded again included. */
  get instances(): ReadonlySet<LaneInstance> {
    return this.#instances;
  }

  /** Time that models ran in its lane, and in those that it replaced. */
  get busyNs(): number {
    return this.#busyBeforeNs + this.#lane.busyNs;
  }

  /** False from the moment the last instance goes. */
  get accepting(): boolean {
    return this.#end === null;
  }

  /** How often the lane's thread has been replaced. */
  get replaced(): number {
    return this.#replaced;
  }

  /** The instance counts from the call on. Rejects with an Error whose text is the reason. */
  async load(request: LoadRequest): Promise<LaneInstance> {
    invariant(this.accepting, `lane ${this.id} has ended`);
    const instance = new LaneInstance(request, (unloading) => this.#unload(unloading));
    this.#instances.add(instance);
    try {
      await instance.loadInto(this.#livingLane(), { lowPriority: this.#loadsGently(request) });
    } catch (error) {
      await this.#remove(instance);
      if (!(error instanceof LaneLostError)) throw error;
      throw new Error(`the worker thread stopped while it loaded model '${request.model}'`);
    }
    this.#tidying.want(this.#lane);
    if (instance.retired) throw new Error(`model '${request.model}' was unloaded while it was loaded`);
    return instance;
  }

  /** Unloads everything after what is running, then ends the thread. */
  async close(): Promise<void> {
    await Promise.all([...this.#instances].map((instance) => this.#unload(instance)));
    await this.#end;
  }

  async #unload(instance: LaneInstance): Promise<void> {
    this.#lost.delete(instance);
    try {
      await instance.retire();
    } catch (error) {
      // With its thread a lane gives everything back.
      if (!(error instanceof LaneLostError)) {
        this.#log.error({ lane: this.id, instance: instance.name, err: error }, 'unload failed');
      }
    }
    await this.#remove(instance);
  }

  async #remove(instance: LaneInstance): Promise<void> {
    this.#instances.delete(instance);
    if (this.#instances.size > 0) return;
    this.#end ??= this.#endLane();
    await this.#end;
  }

  async #endLane(): Promise<void> {
    this.#wake();
    this.#tidying.forget(this.#lane);
    await this.#lane.close();
    this.#onEnded();
  }

  /** What else the lane holds would wait for a slow load. */
  #loadsGently({ urgent = false }: LoadRequest): boolean {
    return !urgent && this.#instances.size === 1 && this.#gentleLoads.allowed;
  }

  #newLane(): Lane {
    const lane = new Lane({
      id: this.id,
      log: this.#log,
      onLost: () => this.#laneLost(lane),
      onSlowed: () => this.#gentleLoads.failed(this.id),
    });
    return lane;
  }

  #livingLane(): Lane {
    if (this.#lane.lost) {
      this.#busyBeforeNs += this.#lane.busyNs;
      this.#lane = this.#newLane();
      this.#replaced++;
    }
    return this.#lane;
  }

  #laneLost(lane: Lane): void {
    invariant(lane === this.#lane, 'a lane was lost after its replacement');
    this.#tidying.forget(lane);
    for (const instance of this.#instances) {
      if (!instance.available) continue;
      this.#lost.add(instance);
      instance.lose();
    }
    this.#log.error(
      { lane: this.id, instances: [...this.#lost].map(({ name }) => name) },
      'a lane thread has stopped, what it held is loaded again',
    );
    if (this.#restoring) return;
    this.#restoring = true;
    void this.#restore();
  }

  /** Loads again until nothing is missing, more slowly from time to time. */
  async #restore(): Promise<void> {
    while (this.#lost.size > 0) {
      await this.#pause(this.#delay.next(this.#clock.nowNs()));
      for (const instance of [...this.#lost]) {
        if (this.#lost.has(instance)) await this.#reload(instance);
      }
    }
    this.#restoring = false;
  }

  async #reload(instance: LaneInstance): Promise<void> {
    try {
      // At normal priority: requests wait for it.
      await instance.loadInto(this.#livingLane());
      this.#lost.delete(instance);
      this.#tidying.want(this.#lane);
      this.#log.info({ lane: this.id, instance: instance.name }, 'instance loaded again');
    } catch (error) {
      this.#log.error({ lane: this.id, instance: instance.name, err: error }, 'reload failed');
    }
  }

  #pause(delayNs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(delayNs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
