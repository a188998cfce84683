import type { Timer } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import type { Generation, GenerationVersion } from './generation.js';
import type { LoadedRevision } from './load-revision.js';
import { MOVES, type RevisionState } from './states.js';

/** A version of a generation, which can be loaded. */
export interface Target {
  readonly generation: Generation;
  readonly version: GenerationVersion;
}

let lastId = 0;

/** One content and configuration of a version on its way through its states. */
export class Revision implements Target {
  readonly id = ++lastId;
  readonly generation: Generation;
  readonly version: GenerationVersion;
  #state: RevisionState = 'LOADING';
  #loaded: LoadedRevision | null = null;
  /** Whether requests could ask it at some time. */
  #served = false;
  readonly #load = new AbortController();
  /** Runs while it is kept for a roll back. */
  #keep: Timer | null = null;

  constructor({ generation, version }: Target) {
    this.generation = generation;
    this.version = version;
  }

  get state(): RevisionState {
    return this.#state;
  }

  /** Whether it can be published, now or when it is idle. */
  get isLoaded(): boolean {
    return this.#state === 'STANDBY' || this.#state === 'READY' || this.#state === 'DRAINING';
  }

  get loaded(): LoadedRevision {
    invariant(this.#loaded !== null, `revision ${this.id} is not loaded`);
    return this.#loaded;
  }

  /** Aborted when nobody wants it loaded any more. */
  get loadSignal(): AbortSignal {
    return this.#load.signal;
  }

  get served(): boolean {
    return this.#served;
  }

  get kept(): boolean {
    return this.#keep !== null;
  }

  matches({ version }: Target): boolean {
    return this.version.version === version.version && this.version.fingerprint === version.fingerprint;
  }

  move(to: RevisionState): void {
    invariant(MOVES[this.#state].includes(to), `illegal move ${this.#state} -> ${to}`);
    this.#state = to;
    if (to === 'READY') this.#served = true;
    if (to !== 'STANDBY') this.letGo();
  }

  /** Nobody wants it loaded: ends loading at the next step. */
  abandon(): void {
    this.#load.abort();
  }

  /** Loading has ended well. */
  standBy(loaded: LoadedRevision): void {
    this.#loaded = loaded;
    this.move('STANDBY');
  }

  /** Keeps it loaded until `timer` fires. */
  keepUntil(timer: Timer): void {
    this.#keep = timer;
  }

  letGo(): void {
    this.#keep?.cancel();
    this.#keep = null;
  }
}
