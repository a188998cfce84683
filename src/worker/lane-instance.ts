import type {
  AnswerSink,
  InstanceOptions,
  ModelDescription,
  RunInputs,
  RunMarks,
  RunOutputs,
} from '../backend/backend.js';
import { queueErrors } from '../errors/catalogue.js';
import { toServingError } from '../errors/serving-error.js';
import { invariant } from '../lib/invariant.js';
import type { Executor } from './executor.js';
import { type Lane, LaneLostError } from './lane.js';
import type { InstanceId } from './messages.js';

/** What is to be loaded; `name` is the instance's, for logs and statistics. */
export interface LoadRequest {
  readonly name: string;
  readonly model: string;
  readonly backend: string;
  readonly options: InstanceOptions;
  /** Requests wait for it: load as fast as can be, even if that slows down what is served. */
  readonly urgent?: boolean;
}

let lastId: InstanceId = 0;

/** An instance as a scheduler sees it; its keeper loads it, again when its lane was lost. */
export class LaneInstance implements Executor {
  readonly id: InstanceId = ++lastId;
  readonly request: LoadRequest;
  readonly #unload: (instance: LaneInstance) => Promise<void>;
  readonly #listeners = new Set<() => void>();
  #description: ModelDescription | null = null;
  /** The lane that holds it; null before the first load and while its lane is replaced. */
  #lane: Lane | null = null;
  /** Settles with the load that is under way. */
  #loading: Promise<unknown> = Promise.resolve();
  #retired = false;

  /** `unload` is what {@link Executor.unload} does. */
  constructor(request: LoadRequest, unload: (instance: LaneInstance) => Promise<void>) {
    this.request = request;
    this.#unload = unload;
  }

  get name(): string {
    return this.request.name;
  }

  get description(): ModelDescription | null {
    return this.#description;
  }

  get available(): boolean {
    return this.#lane !== null && !this.#retired;
  }

  get retired(): boolean {
    return this.#retired;
  }

  onAvailability(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  run(batch: RunInputs): Promise<RunOutputs> {
    return this.#ask((lane) => lane.run(this.id, batch));
  }

  stream(request: RunInputs, sink: AnswerSink): Promise<RunMarks> {
    return this.#ask((lane) => lane.stream(this.id, request, sink));
  }

  async #ask<T>(ask: (lane: Lane) => Promise<T>): Promise<T> {
    const { model } = this.request;
    if (this.#lane === null || this.#retired) throw queueErrors.noInstance(model);
    try {
      return await ask(this.#lane);
    } catch (error) {
      throw error instanceof LaneLostError ? queueErrors.laneLost(model) : toServingError(error);
    }
  }

  unload(): Promise<void> {
    return this.#unload(this);
  }

  /** Makes it available in `lane`. Rejects with an Error whose text is the reason. */
  async loadInto(lane: Lane, { lowPriority = false } = {}): Promise<void> {
    invariant(this.#lane === null && !this.#retired, `instance ${this.id} can't be loaded now`);
    const { backend, options } = this.request;
    const loading = lane.load(this.id, backend, options, { lowPriority }).then((description) => {
      this.#description = description;
      this.#change(() => (this.#lane = lane));
    });
    this.#loading = Promise.allSettled([loading]);
    await loading;
  }

  /** Its lane's thread has died. */
  lose(): void {
    this.#change(() => (this.#lane = null));
  }

  /** Ends it: unavailable at once; resolves when its memory has been given back. */
  async retire(): Promise<void> {
    this.#change(() => (this.#retired = true));
    await this.#loading;
    const lane = this.#lane;
    this.#lane = null;
    await lane?.unload(this.id);
  }

  #change(change: () => void): void {
    const before = this.available;
    change();
    if (this.available !== before) for (const listener of this.#listeners) listener();
  }
}
