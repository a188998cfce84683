import { describe, expect, it } from 'vitest';
import { type Assessment, assessChanges, quietInNs } from '#naiad/lifecycle/assess-changes.js';
import type { ListedModel, Listing } from '#naiad/repository/store.js';

const SECOND_NS = 1e9;
const SETTLE_NS = 2 * SECOND_NS;
const WALL_MS = 1_700_000_000_000;

/** A model whose files changed last `ageSeconds` before second 0. */
function listed(name: string, signature: string, ageSeconds: number, repository = '/r'): ListedModel {
  return {
    name,
    signature,
    changedMs: WALL_MS - ageSeconds * 1000,
    folder: {
      name,
      repository,
      directory: `${repository}/${name}`,
      configFile: null,
      versions: [],
      findings: [],
    },
  };
}

function listing(models: ListedModel[], unreadable: string[] = []): Listing {
  return { models, unreadable: unreadable.map((repository) => ({ repository, reason: 'gone' })) };
}

class Repository {
  assessment: Assessment = { changed: [], gone: [], sightings: new Map(), nextNs: 0 };

  /** Looks at `second`; what is found changed is dealt with unless told otherwise. */
  look(second: number, found: Listing, deals = true): Assessment {
    const nowNs = second * SECOND_NS;
    const now = { startNs: nowNs, nowNs, wallMs: WALL_MS + second * 1000, settleNs: SETTLE_NS };
    const result = assessChanges(found, this.assessment.sightings, now);
    const changed = new Set(result.changed.map(({ name }) => name));
    const sightings = new Map(
      [...result.sightings].map(([name, sighting]) => [
        name,
        deals && changed.has(name) ? { ...sighting, handled: true } : sighting,
      ]),
    );
    this.assessment = { ...result, sightings };
    return result;
  }
}

const names = (models: readonly ListedModel[]): string[] => models.map(({ name }) => name);

describe('assessChanges', () => {
  it('reports what has been left alone, once', () => {
    const repository = new Repository();
    expect(names(repository.look(0, listing([listed('m', 'a', 60)])).changed)).toEqual(['m']);
    const again = repository.look(1, listing([listed('m', 'a', 60)]));
    expect(again).toMatchObject({ changed: [], gone: [], nextNs: Number.POSITIVE_INFINITY });
  });

  it('waits for files that have just changed', () => {
    const repository = new Repository();
    const young = repository.look(0, listing([listed('m', 'a', 0.5)]));
    expect(young.changed).toEqual([]);
    expect(young.nextNs).toBe(1.5 * SECOND_NS);
    expect(names(repository.look(1.5, listing([listed('m', 'a', 0.5)])).changed)).toEqual(['m']);
  });

  it('begins to wait anew while files keep changing', () => {
    const repository = new Repository();
    for (let second = 0; second < 10; second++) {
      expect(repository.look(second, listing([listed('m', `copy ${second}`, -second)])).changed).toEqual([]);
    }
    expect(names(repository.look(11, listing([listed('m', 'copy 9', -9)])).changed)).toEqual(['m']);
  });

  it('does not believe the times of files that it has seen to change', () => {
    const repository = new Repository();
    repository.look(0, listing([listed('m', 'a', 60)]));
    // The clock of the file system is behind: what has just changed looks old.
    expect(repository.look(1, listing([listed('m', 'b', 60)])).changed).toEqual([]);
    expect(repository.look(2, listing([listed('m', 'b', 60)])).changed).toEqual([]);
    expect(names(repository.look(3, listing([listed('m', 'b', 60)])).changed)).toEqual(['m']);
  });

  it('takes files with times in the future as left alone when they look the same long enough', () => {
    const repository = new Repository();
    const future = listing([listed('m', 'a', -3600)]);
    expect(repository.look(0, future).changed).toEqual([]);
    expect(repository.look(1, future).changed).toEqual([]);
    expect(names(repository.look(2, future).changed)).toEqual(['m']);
  });

  it('reports again what could not be dealt with', () => {
    const repository = new Repository();
    repository.look(0, listing([listed('m', 'a', 60)]), false);
    expect(names(repository.look(1, listing([listed('m', 'a', 60)])).changed)).toEqual(['m']);
  });

  it('takes a model as gone only when it stays away', () => {
    const repository = new Repository();
    repository.look(0, listing([listed('m', 'a', 60)]));
    expect(repository.look(1, listing([]))).toMatchObject({ gone: [], nextNs: 3 * SECOND_NS });
    expect(repository.look(2, listing([]))).toMatchObject({ gone: [], nextNs: 3 * SECOND_NS });
    expect(repository.look(3, listing([])).gone).toEqual(['m']);
    expect(repository.look(4, listing([])).gone).toEqual([]);
  });

  it('takes a model that is moved away and back as unchanged', () => {
    const repository = new Repository();
    repository.look(0, listing([listed('m', 'a', 60)]));
    repository.look(1, listing([]));
    expect(repository.look(2, listing([listed('m', 'a', 60)]))).toMatchObject({ changed: [], gone: [] });
    expect(repository.look(60, listing([])).gone).toEqual([]);
  });

  it('does not take the models of a repository that can not be read as gone', () => {
    const repository = new Repository();
    repository.look(0, listing([listed('m', 'a', 60), listed('n', 'a', 60, '/other')]));
    for (const second of [1, 100, 1000]) {
      expect(repository.look(second, listing([listed('n', 'a', 60, '/other')], ['/r'])).gone).toEqual([]);
    }
    // Only from now on it is known to be gone.
    expect(repository.look(1001, listing([listed('n', 'a', 60, '/other')])).gone).toEqual([]);
    expect(repository.look(1003, listing([listed('n', 'a', 60, '/other')])).gone).toEqual(['m']);
  });
});

describe('quietInNs', () => {
  it.each([
    [10, 0],
    [2, 0],
    [0.5, 1.5],
    [0, 2],
    [-100, 2],
  ])('files changed %s s ago must be left alone for %s s more', (age, expected) => {
    const now = { wallMs: WALL_MS, settleNs: SETTLE_NS };
    expect(quietInNs(WALL_MS - age * 1000, now)).toBe(expected * SECOND_NS);
  });
});
