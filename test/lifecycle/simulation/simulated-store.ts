import { createHash } from 'node:crypto';
import { type Clock, sleep } from '#naiad/lib/clock.js';
import type {
  Archive,
  ArchivedModel,
  FetchedFiles,
  FetchedVersion,
  ListedModel,
  Listing,
  Store,
} from '#naiad/repository/store.js';
import { LIMITS } from '#naiad/settings/limits.js';
import type { Random } from '../../scheduler/simulation/random.js';
import { ROOT, type VirtualDisk } from './virtual-disk.js';
import {
  listedModel,
  partOf,
  signatureOf,
  textsOf,
  type VirtualFiles,
  type VirtualModel,
  type VirtualRepositories,
} from './virtual-repositories.js';

export interface StoreScenario {
  /** Whether models are served from copies. */
  readonly copies: boolean;
  /** The longest that a call takes. */
  readonly latencyNsMax: number;
  readonly readFailureChance: number;
}

/** Lists and fetches what lies in virtual repositories, slowly, and not always with success. */
export class SimulatedStore implements Store {
  readonly #repositories: VirtualRepositories;
  readonly #disk: VirtualDisk;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #scenario: StoreScenario;
  /** The files of each listed model, by signature. */
  readonly #files = new Map<string, VirtualFiles>();
  #lastSent = 0;
  /** Whether reading may fail. */
  failing = true;
  /** How often it did. */
  failures = 0;
  /** Models that were said not to be served any more. */
  readonly released: string[] = [];

  constructor(
    repositories: VirtualRepositories,
    disk: VirtualDisk,
    clock: Clock,
    random: Random,
    scenario: StoreScenario,
  ) {
    this.#repositories = repositories;
    this.#disk = disk;
    this.#clock = clock;
    this.#random = random;
    this.#scenario = scenario;
  }

  async names(): Promise<readonly string[]> {
    await this.#wait();
    return this.#repositories.names;
  }

  async list(): Promise<Listing> {
    await this.#wait();
    const { all } = this.#repositories;
    const readable = all.filter((repository) => repository.readable);
    const names = [...new Set(readable.flatMap(({ models }) => [...models.keys()]))].sort();
    const models = names.flatMap((name) => this.#list(name) ?? []);
    const unreadable = all
      .filter((repository) => !repository.readable)
      .map(({ directory }) => ({ repository: directory, reason: 'it does not answer' }));
    await this.#wait();
    return { models, unreadable };
  }

  async find(name: string): Promise<ListedModel | null> {
    await this.#wait();
    const listed = this.#list(name);
    if (listed === null && this.#repositories.all.some(({ readable }) => !readable)) {
      throw new Error('the repository does not answer');
    }
    return listed;
  }

  async fetchFiles(model: ListedModel): Promise<FetchedFiles> {
    const { directory, texts } = await this.#fetch(model, 'files');
    return { directory, hashes: new Map([...texts].map(([path, text]) => [path, hashOf(text)])) };
  }

  async fetchVersion(model: ListedModel, version: number): Promise<FetchedVersion> {
    const { directory, texts } = await this.#fetch(model, version);
    return { directory, hash: hashOf(JSON.stringify([...texts].sort())) };
  }

  async mend(): Promise<boolean> {
    return false;
  }

  async put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<ListedModel> {
    const directory = `${ROOT}/sent/${++this.#lastSent}`;
    const texts = [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()] as const);
    const model = this.#repositories.newModel(texts);
    this.#disk.place(`${directory}/${name}`, () => textsOf(model.files));
    await this.#wait();
    const listed = listedModel(name, [{ directory, model }]);
    if (listed === null) throw new Error('nothing was sent');
    this.#files.set(listed.signature, model.files);
    return listed;
  }

  async release(name: string): Promise<void> {
    await this.#wait();
    this.released.push(name);
  }

  #list(name: string): ListedModel | null {
    const places = this.#repositories.all.flatMap(({ directory, readable, models }) => {
      const model = models.get(name);
      return readable && model !== undefined ? [{ directory, model }] : [];
    });
    const listed = listedModel(name, places);
    const [first] = places;
    if (listed !== null && first !== undefined) this.#files.set(listed.signature, first.model.files);
    return listed;
  }

  async #fetch(
    listed: ListedModel,
    part: number | 'files',
  ): Promise<{ directory: string; texts: Map<string, string> }> {
    await this.#wait();
    if (this.failing && this.#random.chance(this.#scenario.readFailureChance)) {
      this.failures++;
      throw new Error(`can't read the files of '${listed.name}': input/output error`);
    }
    const wanted = partOf(this.#files.get(listed.signature) ?? new Map(), part);
    const now = partOf(this.#now(listed)?.files ?? new Map(), part);
    if (signatureOf(now) !== signatureOf(wanted)) {
      throw new Error(`the files of '${listed.name}' changed while they were read`);
    }
    const texts = textsOf(wanted);
    const place = listed.folder.directory;
    if (!this.#scenario.copies) return { directory: part === 'files' ? place : `${place}/${part}`, texts };
    const directory = `${ROOT}/cache/${hashOf(JSON.stringify([...texts].sort())).slice(0, 16)}`;
    this.#disk.place(directory, () => texts);
    await this.#wait();
    return { directory, texts };
  }

  #now({ name, folder, signature }: ListedModel): VirtualModel | undefined {
    const repository = this.#repositories.all.find(({ directory }) => directory === folder.repository);
    if (repository !== undefined) return repository.readable ? repository.models.get(name) : undefined;
    const files = this.#files.get(signature);
    return files && { files, changedMs: 0 };
  }

  async #wait(): Promise<void> {
    const ns = Math.round(this.#random.next() ** 3 * this.#scenario.latencyNsMax);
    if (ns > 0) await sleep(this.#clock, ns);
  }
}

/** Remembers generations as long as the simulation lasts. */
export class SimulatedArchive implements Archive {
  readonly #models = new Map<string, ArchivedModel[]>();

  async save(model: ArchivedModel): Promise<void> {
    const { name } = model.folder;
    const others = (this.#models.get(name) ?? []).filter(({ id }) => id !== model.id);
    this.#models.set(name, [model, ...others].slice(0, LIMITS.generationsMax));
  }

  async list(name: string): Promise<readonly ArchivedModel[]> {
    return this.#models.get(name) ?? [];
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
