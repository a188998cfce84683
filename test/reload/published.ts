import type { Happening, ReloadLog } from '../support/reload-log.js';

/** A time during which requests without a version got this one. */
interface Span {
  readonly version: number;
  readonly content: number;
  readonly fromMs: number;
  /** null = it still goes on. */
  toMs: number | null;
}

/** Which content of a model was the latest published at which time, from the server's own log. */
export class Published {
  readonly #model: string;
  /** What the files of each version hold. */
  readonly #written = new Map<number, number>();
  readonly #ready = new Map<number, number>();
  readonly #spans: Span[] = [];

  /** Listens from now on; the model must not have been loaded yet. */
  constructor(log: ReloadLog, model: string) {
    this.#model = model;
    log.onHappening((happening) => this.#note(happening));
  }

  /** To be told before the files of a version change: what becomes ready next holds this. */
  writes(version: number, content: number): void {
    this.#written.set(version, content);
  }

  /** Whether a request of this time can have been answered by this version with this content. */
  wasLatest(version: number, content: number, fromMs: number, toMs: number): boolean {
    return this.#spans.some(
      (span) =>
        span.version === version &&
        span.content === content &&
        span.fromMs <= toMs &&
        (span.toMs === null || span.toMs >= fromMs),
    );
  }

  #note({ model, version, event, atMs }: Happening): void {
    if (model !== this.#model || version === null) return;
    if (event === 'ready') this.#ready.set(version, this.#written.get(version) ?? Number.NaN);
    else if (event === 'draining') this.#ready.delete(version);
    else return;
    const latest = [...this.#ready].reduce<readonly [number, number] | null>(
      (best, entry) => (best === null || entry[0] > best[0] ? entry : best),
      null,
    );
    const last = this.#spans.at(-1);
    if (last?.toMs === null) {
      if (last.version === latest?.[0] && last.content === latest[1]) return;
      last.toMs = atMs;
    }
    if (latest !== null) {
      this.#spans.push({ version: latest[0], content: latest[1], fromMs: atMs, toMs: null });
    }
  }
}
