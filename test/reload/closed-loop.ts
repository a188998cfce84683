import type { TestClient } from '../support/client.js';
import { adderRequest, contentOf } from '../support/reload-models.js';
import type { Published } from './published.js';

/** More would only say the same again. */
const TOLD_MAX = 10;

/** Requests that are outstanding all the time, each answer held against what was served meanwhile. */
export class ClosedLoop {
  answered = 0;
  /** What was wrong, in words: the first few. */
  readonly wrong: string[] = [];
  #wrongCount = 0;
  #stopping = false;
  #value = 0;
  readonly #ended: Promise<unknown>;

  constructor(client: TestClient, model: string, outstanding: number, published: Published) {
    this.#ended = Promise.all(Array.from({ length: outstanding }, () => this.#ask(client, model, published)));
  }

  get wrongCount(): number {
    return this.#wrongCount;
  }

  /** Resolves when the last answers have come. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
  }

  async #ask(client: TestClient, model: string, published: Published): Promise<void> {
    while (!this.#stopping) {
      const value = ++this.#value % 1000;
      const fromMs = performance.now();
      try {
        const answer = await client.infer(adderRequest(model, value));
        const version = Number(answer.model_version);
        const content = contentOf(answer, value);
        if (!published.wasLatest(version, content, fromMs, performance.now())) {
          this.#complain(`content ${content} of version ${version} was not published`);
        }
        this.answered++;
      } catch (error) {
        this.#complain(error instanceof Error ? error.message : String(error));
        // Whatever is broken is not to be asked as fast as it refuses.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  #complain(text: string): void {
    this.#wrongCount++;
    if (this.wrong.length < TOLD_MAX) this.wrong.push(text);
  }
}
