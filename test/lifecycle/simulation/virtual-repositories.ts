import { mergeFolders } from '#naiad/repository/repository.js';
import type { ListedModel } from '#naiad/repository/store.js';
import type { FakeClock } from '../../support/fake-clock.js';
import { ROOT, type VirtualDisk } from './virtual-disk.js';

export interface VirtualFile {
  readonly text: string;
  readonly changedMs: number;
  /** Another one with each change, as the time and inode of a real file. */
  readonly id: number;
}

export type VirtualFiles = ReadonlyMap<string, VirtualFile>;

export interface VirtualModel {
  readonly files: VirtualFiles;
  /** When something was removed from its folder, or it was moved there. */
  readonly changedMs: number;
}

export interface VirtualRepository {
  readonly directory: string;
  readable: boolean;
  readonly models: Map<string, VirtualModel>;
}

/** How a name looked for some time, to those who can read all repositories. */
export interface Snapshot {
  /** null = no repository has it. */
  readonly files: VirtualFiles | null;
  /** Several repositories have it. */
  readonly twice: boolean;
  /** What each of them has; only one of these is seen while the others can't be read. */
  readonly each: readonly VirtualFiles[];
  readonly changedMs: number;
  /** When it came to look like this for the first time. */
  readonly sinceNs: number;
  /** When it came to look like this now. */
  readonly fromNs: number;
  untilNs: number;
}

/** Rounding of times. */
const SLACK_NS = 1000;

/** Model repositories as somebody changes them, and what they looked like before. */
export class VirtualRepositories {
  readonly all: readonly VirtualRepository[];
  readonly #clock: FakeClock;
  readonly #settleNs: number;
  readonly #disk: VirtualDisk;
  readonly #noticedNs: number;
  readonly #history = new Map<string, Snapshot[]>();
  /** When a name came to look like this first, by name and look. */
  readonly #looks = new Map<string, number>();
  readonly #hereSinceNs = new Map<string, number>();
  /** Names that were away for long, since that was asked for last. */
  readonly #wasGone = new Set<string>();
  /** Since when a name is away, as far as somebody who looks now and then can tell. */
  readonly #goneSinceNs = new Map<string, number>();
  #lastId = 0;

  /** @param noticedNs what is there for that long has been seen by everyone */
  constructor(
    clock: FakeClock,
    disk: VirtualDisk,
    { settleNs, noticedNs }: { settleNs: number; noticedNs: number },
  ) {
    this.#clock = clock;
    this.#settleNs = settleNs;
    this.#noticedNs = noticedNs;
    this.#disk = disk;
    this.all = ['a', 'b'].map((name) => ({
      directory: `${ROOT}/${name}`,
      readable: true,
      models: new Map(),
    }));
  }

  write(repository: VirtualRepository, name: string, files: Iterable<readonly [string, string]>): void {
    const before = repository.models.get(name);
    const changed = new Map(before?.files);
    for (const [path, text] of files) changed.set(path, this.#file(text));
    this.put(repository, name, { files: changed, changedMs: before?.changedMs ?? this.#clock.wallMs() });
  }

  /** A file with another time and the same content. */
  touch(repository: VirtualRepository, name: string, path: string): void {
    const text = repository.models.get(name)?.files.get(path)?.text;
    if (text !== undefined) this.write(repository, name, [[path, text]]);
  }

  /** Removes all files whose path begins like this. */
  remove(repository: VirtualRepository, name: string, prefix: string): void {
    const files = new Map(repository.models.get(name)?.files);
    const before = files.size;
    for (const path of [...files.keys()]) if (path.startsWith(prefix)) files.delete(path);
    if (files.size === before) return;
    this.put(repository, name, { files, changedMs: this.#clock.wallMs() });
  }

  /** Puts a model's folder in the place of what is there at once; null = takes it away. */
  put(repository: VirtualRepository, name: string, model: VirtualModel | null): void {
    if (model === null) repository.models.delete(name);
    else {
      repository.models.set(name, model);
      const contents = (): Map<string, string> => textsOf(repository.models.get(name)?.files ?? new Map());
      this.#disk.place(`${repository.directory}/${name}`, contents);
    }
    this.#note(name);
  }

  newModel(files: Iterable<readonly [string, string]>): VirtualModel {
    const made = new Map([...files].map(([path, text]) => [path, this.#file(text)]));
    return { files: made, changedMs: this.#clock.wallMs() };
  }

  get names(): string[] {
    return [...new Set(this.all.flatMap(({ models }) => [...models.keys()]))].sort();
  }

  /** How a name looks now. */
  current(name: string): Snapshot {
    return this.#history.get(name)?.at(-1) ?? this.#look(name);
  }

  /** Whether a name may be taken as gone, or might have been since this was asked last. */
  mayBeGone(name: string): boolean {
    const wasGone = this.#wasGone.delete(name);
    return wasGone || (!this.#hereSinceNs.has(name) && this.#isAwayLong(name));
  }

  /** Whether a name has been there for long enough for nobody to take it as gone. */
  isThere(name: string): boolean {
    return this.#clock.nowNs() >= (this.#hereSinceNs.get(name) ?? Number.POSITIVE_INFINITY) + this.#noticedNs;
  }

  /** Everything that a name looked like after `sinceNs` for long enough to be taken seriously. */
  quiet(name: string, sinceNs = 0): Snapshot[] {
    return (this.#history.get(name) ?? []).filter(
      (snapshot) => snapshot.untilNs >= sinceNs && this.isQuiet(snapshot),
    );
  }

  isQuiet({ changedMs, sinceNs, untilNs }: Snapshot): boolean {
    const endNs = Math.min(this.#clock.nowNs(), untilNs);
    const endMs = this.#clock.wallMs() - (this.#clock.nowNs() - endNs) / 1e6;
    const neededNs = this.#settleNs - SLACK_NS;
    return (endMs - changedMs) * 1e6 >= neededNs || endNs - sinceNs >= neededNs;
  }

  #file(text: string): VirtualFile {
    return { text, changedMs: this.#clock.wallMs(), id: ++this.#lastId };
  }

  #note(name: string): void {
    this.#notePresence(name);
    const history = this.#history.get(name) ?? [];
    const last = history.at(-1);
    if (last !== undefined) {
      last.untilNs = this.#clock.nowNs();
      if (!this.isQuiet(last)) history.pop();
    }
    history.push(this.#look(name));
    this.#history.set(name, history);
  }

  #notePresence(name: string): void {
    const nowNs = this.#clock.nowNs();
    const isHere = this.all.some(({ models }) => models.has(name));
    const hereSinceNs = this.#hereSinceNs.get(name);
    if (isHere) {
      if (hereSinceNs === undefined) {
        this.#hereSinceNs.set(name, nowNs);
        if (this.#isAwayLong(name)) this.#wasGone.add(name);
      }
      return;
    }
    if (hereSinceNs !== undefined && nowNs - hereSinceNs >= this.#noticedNs)
      this.#goneSinceNs.set(name, nowNs);
    this.#hereSinceNs.delete(name);
  }

  #isAwayLong(name: string): boolean {
    const sinceNs = this.#goneSinceNs.get(name) ?? Number.NEGATIVE_INFINITY;
    return this.#clock.nowNs() >= sinceNs + this.#settleNs;
  }

  /** Who has not seen what was in between finds that nothing has changed. */
  #sinceNs(name: string, found: readonly VirtualModel[]): number {
    const nowNs = this.#clock.nowNs();
    if (found.length === 0) return nowNs;
    const look = JSON.stringify([name, ...found.map(({ files }) => signatureOf(files))]);
    const sinceNs = this.#looks.get(look) ?? nowNs;
    this.#looks.set(look, sinceNs);
    return sinceNs;
  }

  #look(name: string): Snapshot {
    const found = this.all.flatMap(({ models }) => models.get(name) ?? []);
    return {
      files: found[0]?.files ?? null,
      twice: found.length > 1,
      each: found.map(({ files }) => files),
      changedMs: Math.max(0, ...found.map(changedMsOf)),
      sinceNs: this.#sinceNs(name, found),
      fromNs: this.#clock.nowNs(),
      untilNs: Number.POSITIVE_INFINITY,
    };
  }
}

/** As a store lists it; null when none of the places has it. */
export function listedModel(
  name: string,
  places: readonly { readonly directory: string; readonly model: VirtualModel }[],
): ListedModel | null {
  const [first, ...others] = places.map(({ directory, model }) => listOne(directory, name, model));
  if (first === undefined) return null;
  const all = [first, ...others];
  return {
    name,
    folder: mergeFolders(
      first.folder,
      others.map(({ folder }) => folder),
    ),
    signature: all.map(({ signature }) => signature).join('|'),
    changedMs: Math.max(...all.map(({ changedMs }) => changedMs)),
  };
}

function listOne(repository: string, name: string, model: VirtualModel): ListedModel {
  const directory = `${repository}/${name}`;
  const { files } = model;
  return {
    name,
    folder: {
      name,
      repository,
      directory,
      configFile: files.has('config.pbtxt') ? { path: 'config.pbtxt', kind: 'pbtxt' } : null,
      versions: versionsIn(files.keys()).map((version) => ({
        version,
        directory: `${directory}/${version}`,
        origin: `${directory}/${version}`,
        files: [...partOf(files, version).keys()],
      })),
      findings: [],
    },
    signature: `${directory}:${signatureOf(files)}`,
    changedMs: changedMsOf(model),
  };
}

/** Ascending. */
export function versionsIn(paths: Iterable<string>): number[] {
  const folders = [...paths].flatMap((path) => /^(\d+)\//.exec(path)?.[1] ?? []);
  return [...new Set(folders.map(Number))].sort((a, b) => a - b);
}

/** The files of a version, or those outside of all versions, by path relative to their folder. */
export function partOf<T>(files: ReadonlyMap<string, T>, part: number | 'files'): Map<string, T> {
  const prefix = part === 'files' ? '' : `${part}/`;
  return new Map(
    [...files].flatMap(([path, file]) =>
      (part === 'files' ? !/^\d+\//.test(path) : path.startsWith(prefix))
        ? [[path.slice(prefix.length), file]]
        : [],
    ),
  );
}

export function textsOf(files: VirtualFiles): Map<string, string> {
  return new Map([...files].map(([path, { text }]) => [path, text]));
}

export function signatureOf(files: VirtualFiles): string {
  return [...files]
    .map(([path, { id }]) => `${path}=${id}`)
    .sort()
    .join(';');
}

function changedMsOf({ files, changedMs }: VirtualModel): number {
  return Math.max(changedMs, ...[...files.values()].map((file) => file.changedMs));
}
