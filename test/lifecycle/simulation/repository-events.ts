import { type Clock, sleep } from '#naiad/lib/clock.js';
import type { Random } from '../../scheduler/simulation/random.js';
import { type Quality, truncated, versionFiles } from './content.js';
import { noticedNs, type Scenario } from './scenario.js';
import { changedSetup, randomSetup, setupOf, toText } from './setup.js';
import {
  partOf,
  type VirtualModel,
  type VirtualRepositories,
  type VirtualRepository,
  versionsIn,
} from './virtual-repositories.js';

type Files = [path: string, text: string][];

/** Somebody who works on the repositories without asking anyone. */
export class RepositoryEvents {
  readonly #repositories: VirtualRepositories;
  readonly #random: Random;
  readonly #clock: Clock;
  readonly #scenario: Scenario;
  readonly #count: (what: string, of: string) => void;
  /** Copies that have not ended, and folders that are away for a moment. */
  underWay = 0;

  constructor(
    repositories: VirtualRepositories,
    random: Random,
    clock: Clock,
    scenario: Scenario,
    count: (what: string, of: string) => void,
  ) {
    this.#repositories = repositories;
    this.#random = random;
    this.#clock = clock;
    this.#scenario = scenario;
    this.#count = count;
  }

  /** Something happens. */
  happen(): void {
    const random = this.#random;
    const name = random.pick(this.#scenario.names);
    const home = this.#repositories.all.find(({ models }) => models.has(name));
    if (random.chance(0.03)) {
      this.#toggleReadable();
      return;
    }
    if (home === undefined) {
      this.#add(name);
      return;
    }
    const events = [
      () => this.#replaceVersion(home, name),
      () => this.#replaceVersion(home, name),
      () => this.#addVersion(home, name),
      () => this.#addVersion(home, name),
      () => this.#removeVersion(home, name),
      () => this.#changeConfig(home, name),
      () => this.#changeConfig(home, name),
      () => this.#changeConfig(home, name),
      () => this.#changeLabels(home, name),
      () => this.#touch(home, name),
      () => this.#removeModel(home, name),
      () => this.#moveAwayAndBack(home, name),
      () => this.#revert(home, name),
      () => this.#replaceModel(home, name),
      () => this.#duplicate(home, name),
    ];
    random.pick(events)();
  }

  #toggleReadable(): void {
    const { all, names } = this.#repositories;
    const repository = this.#random.pick(all);
    // What can't be told then: that a name is found twice, and that it has moved.
    if (this.underWay > 0 || names.some((name) => !this.#isKnown(name))) return;
    repository.readable = !repository.readable;
    this.#count('repository that can not be read', `${repository.directory}: ${repository.readable}`);
  }

  /** Whether those who look at the repositories must have seen how a name looks now. */
  #isKnown(name: string): boolean {
    const { twice, fromNs } = this.#repositories.current(name);
    return !twice && fromNs + noticedNs(this.#scenario) < this.#clock.nowNs();
  }

  #add(name: string): void {
    const { all } = this.#repositories;
    const repository = this.#random.pick(all);
    if (all.some(({ readable }) => !readable)) return;
    const files = this.#modelFiles();
    if (this.#random.chance(0.5)) this.#repositories.put(repository, name, this.#model(files));
    else void this.#copy(repository, name, files);
    this.#count('model added', name);
  }

  #replaceVersion(repository: VirtualRepository, name: string): void {
    const version = this.#versionOf(repository, name);
    if (version === null) this.#addVersion(repository, name);
    else this.#bring(repository, name, inVersion(version, versionFiles(this.#quality())));
    this.#count('version replaced', name);
  }

  #addVersion(repository: VirtualRepository, name: string): void {
    const files = inVersion(this.#random.between(1, 4), versionFiles(this.#quality()));
    this.#bring(repository, name, files);
    this.#count('version added', name);
  }

  #removeVersion(repository: VirtualRepository, name: string): void {
    const version = this.#versionOf(repository, name);
    if (version === null) return;
    this.#repositories.remove(repository, name, `${version}/`);
    this.#count('version removed', name);
  }

  #changeConfig(repository: VirtualRepository, name: string): void {
    const text = repository.models.get(name)?.files.get('config.pbtxt')?.text;
    const before = text === undefined ? undefined : setupOf(text);
    const { policies } = this.#scenario;
    const setup =
      before === undefined
        ? randomSetup(this.#random, policies)
        : changedSetup(this.#random, before, policies);
    const changed = toText(setup);
    // The beginning of a configuration that is no configuration.
    if (this.#random.chance(0.2)) {
      this.#repositories.write(repository, name, [['config.pbtxt', changed.slice(0, 30)]]);
      this.#count('configuration half written', name);
      if (this.#random.chance(0.3)) return;
    }
    void this.#later(() => this.#repositories.write(repository, name, [['config.pbtxt', changed]]));
    this.#count('configuration changed', name);
  }

  #changeLabels(repository: VirtualRepository, name: string): void {
    if (this.#random.chance(0.3)) this.#repositories.remove(repository, name, 'labels.txt');
    else this.#repositories.write(repository, name, [this.#labels()]);
    this.#count('labels changed', name);
  }

  #touch(repository: VirtualRepository, name: string): void {
    const paths = [...(repository.models.get(name)?.files.keys() ?? [])];
    if (paths.length === 0) return;
    this.#repositories.touch(repository, name, this.#random.pick(paths));
    this.#count('touched', name);
  }

  #removeModel(repository: VirtualRepository, name: string): void {
    this.#repositories.put(repository, name, null);
    this.#count('model removed', name);
  }

  #moveAwayAndBack(repository: VirtualRepository, name: string): void {
    const model = repository.models.get(name);
    if (model === undefined) return;
    this.#repositories.put(repository, name, null);
    void this.#later(() => {
      if (!repository.models.has(name)) this.#repositories.put(repository, name, model);
    });
    this.#count('moved away and back', name);
  }

  /** To what it was some time ago. */
  #revert(repository: VirtualRepository, name: string): void {
    const before = this.#repositories.quiet(name).filter(({ files }) => files !== null);
    if (before.length === 0) return;
    const files = this.#random.pick(before).files ?? new Map();
    const texts: Files = [...files].map(([path, { text }]) => [path, text]);
    // With the times it had, as `mv` and `cp -p` leave them, or new ones.
    const model = this.#random.chance(0.5) ? { files, changedMs: this.#clock.wallMs() } : this.#model(texts);
    this.#repositories.put(repository, name, model);
    this.#count('reverted', name);
  }

  #replaceModel(repository: VirtualRepository, name: string): void {
    this.#repositories.put(repository, name, this.#model(this.#modelFiles()));
    this.#count('model replaced', name);
  }

  /** Into the other repository, or out of it again. */
  #duplicate(repository: VirtualRepository, name: string): void {
    const other = this.#repositories.all.find((candidate) => candidate !== repository);
    if (other === undefined || this.#random.chance(0.6)) return;
    if (!other.readable || !repository.readable) return;
    if (other.models.has(name)) this.#repositories.put(repository, name, null);
    else {
      this.#repositories.put(other, name, this.#model(this.#modelFiles()));
      void this.#later(() => this.#repositories.put(this.#random.pick([repository, other]), name, null));
    }
    this.#count('model found twice', name);
  }

  /** All at once, bit by bit, or only a part of it. */
  #bring(repository: VirtualRepository, name: string, files: Files): void {
    if (this.#random.chance(0.3)) this.#repositories.write(repository, name, files);
    else void this.#copy(repository, name, files);
  }

  async #copy(repository: VirtualRepository, name: string, files: Files): Promise<void> {
    this.underWay++;
    for (const [path, text] of files) {
      if (this.#random.chance(0.6)) {
        this.#repositories.write(repository, name, [[path, truncated(text)]]);
        await this.#pause();
      }
      if (this.#random.chance(0.07)) {
        this.#count('half a copy', name);
        break;
      }
      this.#repositories.write(repository, name, [[path, text]]);
      await this.#pause();
    }
    this.underWay--;
  }

  async #later(happen: () => void): Promise<void> {
    this.underWay++;
    await this.#pause();
    happen();
    this.underWay--;
  }

  #pause(): Promise<void> {
    const { settleMs } = this.#scenario;
    return sleep(this.#clock, this.#random.next() * settleMs * 1e6 * this.#random.pick([0, 0.5, 2]));
  }

  #modelFiles(): Files {
    const versions = versionsIn(
      Array.from({ length: this.#random.between(1, 3) }, () => `${this.#random.between(1, 4)}/`),
    );
    const files: Files = versions.flatMap((version) => inVersion(version, versionFiles(this.#quality())));
    if (this.#random.chance(0.7)) files.push(this.#labels());
    files.push(['config.pbtxt', toText(randomSetup(this.#random, this.#scenario.policies))]);
    return this.#random.chance(0.5) ? files : files.reverse();
  }

  #model(files: Files): VirtualModel {
    return this.#repositories.newModel(files);
  }

  #labels(): [string, string] {
    return ['labels.txt', `label ${this.#random.between(1, 5)}`];
  }

  #quality(): Quality {
    return this.#random.chance(0.75) ? 'good' : this.#random.pick(['corrupt', 'cold']);
  }

  #versionOf(repository: VirtualRepository, name: string): number | null {
    const files = repository.models.get(name)?.files ?? new Map();
    const versions = versionsIn(files.keys()).filter((version) => partOf(files, version).size > 0);
    return versions.length === 0 ? null : this.#random.pick(versions);
  }
}

function inVersion(version: number, files: Files): Files {
  return files.map(([path, text]) => [`${version}/${path}`, text]);
}
