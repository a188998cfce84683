import type { Device } from '../backend/backend.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import type { LaneSettings } from '../settings/settings.js';
import type { LaneActivity } from '../telemetry/lane-usage.js';
import type { Log } from '../telemetry/log.js';
import type { Executor } from './executor.js';
import { GentleLoads } from './gentle-loads.js';
import type { LoadRequest } from './lane-instance.js';
import { LaneKeeper } from './lane-keeper.js';
import { defaultInstanceCount, type LaneLoad, place } from './placement.js';
import { Tidying } from './tidying.js';

export type { LoadRequest } from './lane-instance.js';

/**
 * Threads of one operator where a configuration leaves it open. Throughput is best with as many lanes as
 * cores and one thread each, and the threads of all instances together never exceed the cores then;
 * latency of a lone model is better with `intra_op_thread_count` = cores and one instance.
 */
export const INTRA_OP_THREADS_DEFAULT = 1;

export interface LanesOptions {
  readonly settings: LaneSettings;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Asked before each load: whether it may run at low priority, so that sessions are not created at the
   * cost of what is served. Only true where a thread can get its priority back. Lanes that share their
   * thread with other instances load at normal priority all the same, and so do {@link LoadRequest.urgent}
   * loads and those that replace a dead thread. Never, when left out.
   */
  readonly gentleLoads?: () => boolean;
}

/** For logs and tests. */
export interface LanesStatus {
  readonly lanes: readonly {
    readonly id: number;
    readonly device: Device;
    /** Names, those being loaded included. */
    readonly instances: readonly string[];
    readonly available: number;
  }[];
  /** Threads that died and were replaced since the start, lanes that are gone included. */
  readonly replaced: number;
}

/**
 * All lanes of the process. They are made when an instance needs one and end with their last instance;
 * whatever computes or holds a model lives in them.
 */
export class Lanes {
  readonly #settings: LaneSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #gentleLoads: GentleLoads;
  readonly #tidying: Tidying;
  readonly #keepers = new Map<number, LaneKeeper>();
  #lastId = 0;
  #replacedBefore = 0;
  #busyBeforeNs = 0;
  #closing = false;

  constructor({ settings, clock, log, gentleLoads = () => false }: LanesOptions) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#gentleLoads = new GentleLoads(gentleLoads, log);
    this.#tidying = new Tidying(clock);
  }

  get status(): LanesStatus {
    const keepers = [...this.#keepers.values()];
    return {
      lanes: keepers.map(({ id, device, instances }) => ({
        id,
        device,
        instances: [...instances].map(({ name }) => name),
        available: [...instances].filter(({ available }) => available).length,
      })),
      replaced: keepers.reduce((sum, { replaced }) => sum + replaced, this.#replacedBefore),
    };
  }

  /** What the lanes have done since the start, the ones that are gone included. */
  get activity(): LaneActivity {
    let busyNs = this.#busyBeforeNs;
    for (const keeper of this.#keepers.values()) busyNs += keeper.busyNs;
    return { lanes: this.#keepers.size, busyNs };
  }

  /** Absolute paths of the model files that the instances were loaded from, and may be loaded from again. */
  get modelFiles(): string[] {
    return [...this.#keepers.values()].flatMap(({ instances }) =>
      [...instances].map(({ request }) => request.options.modelFile),
    );
  }

  /** Creates one instance in the lane that placement chooses. Rejects with Error whose text is the reason. */
  async load(request: LoadRequest): Promise<Executor> {
    if (this.#closing) throw new Error('the server is stopping');
    const { device } = request.options;
    const placement = place(device, this.#loads(request), this.#settings);
    const keeper = placement.kind === 'new' ? this.#newKeeper(device) : this.#keepers.get(placement.lane);
    invariant(keeper !== undefined, 'placement chose a lane that is not there');
    return keeper.load(request);
  }

  /** Instances of each of `models` models whose configuration leaves the count open. */
  defaultInstanceCount(models: number): number {
    return defaultInstanceCount(models, this.#settings);
  }

  /** Waits for what runs, unloads everything, ends the threads; nothing is forced, nothing can be loaded after. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.close()));
  }

  #loads(request?: LoadRequest): LaneLoad[] {
    const isSibling = ({ options }: LoadRequest): boolean =>
      options.modelName === request?.options.modelName && options.version === request.options.version;
    return [...this.#keepers.values()]
      .filter(({ accepting }) => accepting)
      .map(({ id, device, instances }) => ({
        id,
        device,
        instances: instances.size,
        siblings: [...instances].filter((instance) => isSibling(instance.request)).length,
      }));
  }

  #newKeeper(device: Device): LaneKeeper {
    const id = ++this.#lastId;
    const keeper = new LaneKeeper({
      id,
      device,
      clock: this.#clock,
      log: this.#log,
      gentleLoads: this.#gentleLoads,
      tidying: this.#tidying,
      onEnded: () => {
        this.#keepers.delete(id);
        this.#replacedBefore += keeper.replaced;
        this.#busyBeforeNs += keeper.busyNs;
      },
    });
    this.#keepers.set(id, keeper);
    return keeper;
  }
}
