import { repositoryErrors } from '../errors/catalogue.js';
import type { AspireResult } from './aspiration.js';

interface Intent {
  /** A load of what lies in the repository: two of them want the same. */
  readonly plain: boolean;
  done: Promise<void>;
  /** The one that came next while this one was being carried out. */
  successor: Intent | null;
}

/** What clients want of models. Of several at once the newest wins; the others are told so. */
export class Intents {
  /** Being carried out, by model. */
  readonly #newest = new Map<string, Intent>();

  /** Whether a client wants something of a model that has not come to its end. */
  has(name: string): boolean {
    return this.#newest.has(name);
  }

  /**
   * Carries out what a client wants of a model. Rejects with Triton's texts when it fails or something
   * newer is wanted meanwhile, unless it is `plain` and so is that: then both end in the same way.
   */
  pursue(
    name: string,
    plain: boolean,
    carryOut: (isNewest: () => boolean) => Promise<AspireResult>,
  ): Promise<void> {
    const intent: Intent = { plain, done: Promise.resolve(), successor: null };
    const before = this.#newest.get(name);
    if (before !== undefined) before.successor = intent;
    this.#newest.set(name, intent);
    intent.done = this.#follow(name, intent, carryOut).finally(() => {
      if (this.#newest.get(name) === intent) this.#newest.delete(name);
    });
    return intent.done;
  }

  async #follow(
    name: string,
    intent: Intent,
    carryOut: (isNewest: () => boolean) => Promise<AspireResult>,
  ): Promise<void> {
    let result: AspireResult;
    try {
      result = await carryOut(() => intent.successor === null);
    } catch (error) {
      if (intent.successor === null || !intent.plain) throw error;
      result = { kind: 'superseded' };
    }
    if (result.kind === 'failed') throw repositoryErrors.loadFailed(name, result.versions);
    if (result.kind === 'served') return;
    if (!intent.plain || intent.successor?.plain !== true) throw repositoryErrors.outdated();
    await intent.successor.done;
  }
}
