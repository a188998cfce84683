import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '#naiad/lib/clock.js';
import { type OpenStore, openFileStore, type StorePlaces } from '#naiad/repository/open-file-store.js';
import type { ListedModel } from '#naiad/repository/store.js';
import { type Files, TestRepository } from '../support/repository.js';

/** The system's clock, ahead by as much as a test says: what was written just now looks old to it. */
export class ShiftedClock implements Clock {
  aheadMs: number;
  readonly nowNs = systemClock.nowNs;
  readonly setTimer = systemClock.setTimer;
  readonly afterTurn = systemClock.afterTurn;

  constructor(aheadMs = 10_000) {
    this.aheadMs = aheadMs;
  }

  wallMs(): number {
    return systemClock.wallMs() + this.aheadMs;
  }
}

/** Repositories and caches of one test, in temporary folders. */
export class Workbench {
  readonly #repositories: TestRepository[] = [];
  readonly #caches: string[] = [];
  readonly warnings: string[] = [];
  readonly clock = new ShiftedClock();

  repository(files: Files = {}): TestRepository {
    const repository = new TestRepository(files);
    this.#repositories.push(repository);
    return repository;
  }

  /** A path at which no cache lies yet, in a folder of its own. */
  cache(): string {
    const directory = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
    this.#caches.push(directory);
    return join(directory, 'cache');
  }

  open(repository: TestRepository, places: Partial<StorePlaces> = {}): OpenStore {
    return openFileStore(
      { repositories: [repository.directory], artifactCache: null, ...places },
      this.clock,
      (text) => this.warnings.push(text),
    );
  }

  remove(): void {
    for (const repository of this.#repositories.splice(0)) repository.remove();
    for (const cache of this.#caches.splice(0)) rmSync(cache, { recursive: true, force: true });
  }
}

export async function findModel({ store }: OpenStore, name: string): Promise<ListedModel> {
  const model = await store.find(name);
  if (model === null) throw new Error(`no model '${name}'`);
  return model;
}

/** Content of each file at and below a folder, by relative path. */
export function contents(directory: string, prefix = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) Object.assign(found, contents(path, `${prefix}${name}/`));
    else found[`${prefix}${name}`] = readFileSync(path, 'utf8');
  }
  return found;
}

/** Names in a folder; none when there is no such folder. */
export function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
