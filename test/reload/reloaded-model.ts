import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adder, adderConfig } from '../support/reload-models.js';
import type { Published } from './published.js';

/** What a step is to lead to: a version served with what its files hold, or one that can't be. */
export interface Outcome {
  readonly event: 'ready' | 'failed';
  readonly version: number;
  /** Whether the sessions that are there serve on. */
  readonly keepsSessions: boolean;
}

/** One change of the files, and what it is to lead to. */
export type Step = () => Promise<Outcome>;

const PIECES = 12;

/** A model's folder in which things happen, and what lies in it. */
export class ReloadedModel {
  instances = 1;
  /** The longest pause of a slow copy. */
  pauseMs = 0;
  readonly #directory: string;
  readonly #published: Published;
  readonly #pieceMs: number;
  /** Contents by version. */
  readonly #versions = new Map<number, number>();
  #lastContent = 1000;
  #lastVersion = 0;
  /** Long enough for requests to be waiting whenever something happens. */
  #delayUs = 30_000;
  #labels = 0;
  #arena = true;

  /** @param pieceMs pause between the pieces of a slow copy, of which there are 12 */
  constructor(repository: string, name: string, published: Published, pieceMs: number) {
    this.#directory = join(repository, name);
    this.#published = published;
    this.#pieceMs = pieceMs;
    mkdirSync(this.#directory);
    this.#writeLabels();
    this.#writeConfig();
    this.#addVersion();
  }

  /** The kinds of reload by name, each in the order of its steps. */
  readonly kinds: Readonly<Record<string, readonly Step[]>> = {
    'version added by rename': [
      async () => {
        this.#addVersion();
        return this.#served(false);
      },
    ],
    'version added by a slow copy': [
      async () => {
        const { version, bytes } = this.#nextVersion();
        mkdirSync(this.#path(version));
        const file = openSync(this.#modelFile(version), 'wx');
        await this.#inPieces(bytes, (piece) => writeSync(file, piece));
        closeSync(file);
        return this.#served(false);
      },
    ],
    'queue delay changed': [
      async () => {
        this.#delayUs = 30_000 + ((this.#delayUs + 1000) % 5000);
        this.#writeConfig();
        return this.#served(true);
      },
    ],
    'labels changed': [
      async () => {
        this.#writeLabels();
        return this.#served(true);
      },
    ],
    'number of instances changed': [
      async () => {
        this.instances = 3 - this.instances;
        this.#writeConfig();
        return this.#served(this.instances === 1);
      },
    ],
    'parameter of the session changed': [
      async () => {
        this.#arena = !this.#arena;
        this.#writeConfig();
        return this.#served(false);
      },
    ],
    'model replaced by rename': [
      async () => {
        const { version } = this.#latest;
        const bytes = this.#nextContent(version);
        const part = join(this.#directory, '.part.onnx');
        writeFileSync(part, bytes);
        renameSync(part, this.#modelFile(version));
        return this.#served(false);
      },
    ],
    'model overwritten in place, byte by byte': [
      async () => {
        const { version } = this.#latest;
        const bytes = this.#nextContent(version);
        const file = openSync(this.#modelFile(version), 'w');
        await this.#inPieces(bytes, (piece) => {
          for (const byte of piece) writeSync(file, Uint8Array.of(byte));
        });
        closeSync(file);
        return this.#served(false);
      },
    ],
    'newest version removed, then old ones': [
      async () => {
        this.#addVersion();
        return this.#served(false);
      },
      async () => {
        const { version } = this.#latest;
        this.#versions.delete(version);
        rmSync(this.#path(version), { recursive: true });
        return this.#served(false);
      },
      async () => {
        const before = [...this.#versions.keys()];
        this.#addVersion();
        for (const version of before.slice(0, -1)) {
          this.#versions.delete(version);
          rmSync(this.#path(version), { recursive: true });
        }
        return this.#served(false);
      },
    ],
    'corrupted, then repaired': [
      async () => {
        const { version } = this.#latest;
        truncateSync(this.#modelFile(version), 1000);
        return { event: 'failed', version, keepsSessions: true };
      },
      async () => {
        const { version } = this.#latest;
        writeFileSync(this.#modelFile(version), this.#nextContent(version));
        return this.#served(false);
      },
    ],
  };

  get #latest(): { version: number; content: number } {
    const version = Math.max(...this.#versions.keys());
    return { version, content: this.#versions.get(version) ?? Number.NaN };
  }

  #served(keepsSessions: boolean): Outcome {
    return { event: 'ready', version: this.#latest.version, keepsSessions };
  }

  #addVersion(): void {
    const { version, bytes } = this.#nextVersion();
    const part = join(this.#directory, '.part');
    mkdirSync(part);
    writeFileSync(join(part, 'model.onnx'), bytes);
    renameSync(part, this.#path(version));
  }

  #nextVersion(): { version: number; bytes: Uint8Array } {
    const version = ++this.#lastVersion;
    return { version, bytes: this.#nextContent(version) };
  }

  #nextContent(version: number): Uint8Array {
    const content = ++this.#lastContent;
    this.#versions.set(version, content);
    this.#published.writes(version, content);
    return adder(content);
  }

  async #inPieces(bytes: Uint8Array, write: (piece: Uint8Array) => void): Promise<void> {
    const size = Math.ceil(bytes.length / PIECES);
    for (let offset = 0; offset < bytes.length; offset += size) {
      const startMs = performance.now();
      write(bytes.subarray(offset, offset + size));
      await sleep(this.#pieceMs);
      this.pauseMs = Math.max(this.pauseMs, performance.now() - startMs);
    }
  }

  #writeLabels(): void {
    this.#labels++;
    const labels = Array.from({ length: 4 }, (_, index) => `label ${index} of ${this.#labels}`);
    writeFileSync(join(this.#directory, 'labels.txt'), `${labels.join('\n')}\n`);
  }

  #writeConfig(): void {
    const part = join(this.#directory, '.config');
    const config = adderConfig(
      `dynamic_batching { max_queue_delay_microseconds: ${this.#delayUs} }
parameters { key: "enable_mem_arena" value { string_value: "${this.#arena}" } }`,
      this.instances,
    ).replace('output { ', 'output { label_filename: "labels.txt" ');
    writeFileSync(part, config);
    renameSync(part, join(this.#directory, 'config.pbtxt'));
  }

  #path(version: number): string {
    return join(this.#directory, String(version));
  }

  #modelFile(version: number): string {
    return join(this.#path(version), 'model.onnx');
  }
}
