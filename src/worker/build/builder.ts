import type { Clock, Timer } from '../../lib/clock.js';
import { BuildChild, BuilderClosedError } from './build-child.js';
import type { BuildReply, BuildRequest } from './build-message.js';

/** The models of a start come one after the other; at rest a process would only take memory. */
const IDLE_NS = 10e9;

export interface BuilderOptions {
  readonly clock: Clock;
  /** Builds that may run at the same time now. */
  readonly limit: () => number;
  /** Whether builds that start now leave the processors to others. */
  readonly gentle: () => boolean;
  /** Absolute path of the processes' entry; given by tests only. */
  readonly entry?: string;
}

/**
 * Builds in processes of their own. Optimising a model takes several times its size in memory, a good part
 * of which a thread would leave with the server for ever; and what ends with a process, when memory runs
 * out or ONNX Runtime fails, is a build and no server.
 */
export class Builder {
  readonly #options: BuilderOptions;
  readonly #idle: BuildChild[] = [];
  readonly #busy = new Set<BuildChild>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #rest: Timer | null = null;
  #closed = false;

  constructor(options: BuilderOptions) {
    this.#options = options;
  }

  /**
   * Waits for its turn. Rejects with {@link BuildLostError} when the process ends, {@link BuilderClosedError}
   * when the server stops, and with another Error for our own mistakes.
   */
  async build(request: BuildRequest): Promise<BuildReply> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#admit();
    });
    try {
      return await this.#run(request);
    } finally {
      this.#running--;
      this.#admit();
      if (this.#running === 0) this.#restSoon();
    }
  }

  /** Ends what is being built. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#rest?.cancel();
    await Promise.all([...this.#idle, ...this.#busy].map((child) => child.kill()));
  }

  async #run(request: BuildRequest): Promise<BuildReply> {
    const { entry, gentle } = this.#options;
    if (this.#closed) throw new BuilderClosedError();
    this.#rest?.cancel();
    const child = this.#idle.pop() ?? new BuildChild(entry);
    this.#busy.add(child);
    try {
      const event = await child.ask({ kind: 'build', gentle: gentle(), request }).catch((error: unknown) => {
        throw this.#closed ? new BuilderClosedError() : error;
      });
      if (event.kind === 'done') return event.reply;
      throw new Error(event.text);
    } finally {
      this.#busy.delete(child);
      if (!child.ended) this.#idle.push(child);
    }
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#running < this.#options.limit()) {
      this.#running++;
      this.#waiting.shift()?.();
    }
  }

  #restSoon(): void {
    if (this.#closed) return;
    this.#rest?.cancel();
    this.#rest = this.#options.clock.setTimer(IDLE_NS, () => {
      for (const child of this.#idle.splice(0)) child.letGo();
    });
  }
}
