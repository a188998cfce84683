import { beforeEach, describe, expect, it } from 'vitest';
import { type Handling, RepositoryLoop } from '#naiad/lifecycle/repository-loop.js';
import type { ListedModel, Listing } from '#naiad/repository/store.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordedLog } from '../support/recorded-log.js';

const SECOND_NS = 1e9;

/** A repository, and all that a loop tells of it. */
class Watched {
  readonly clock = new FakeClock();
  readonly log = new RecordedLog();
  /** Signatures by name. */
  readonly models = new Map<string, string>();
  readonly unreadable: string[] = [];
  /** `name signature`, in the order they were dealt with. */
  readonly changed: string[] = [];
  readonly gone: string[] = [];
  readonly scans: { at: number; ok: boolean }[] = [];
  folders: readonly string[] = [];
  handle: (model: ListedModel) => Promise<Handling> = async () => 'handled';
  listing: () => Promise<Listing> = async () => this.list();
  readonly loop: RepositoryLoop;
  readonly #startNs = this.clock.nowNs();

  constructor(readsMax = 4) {
    this.loop = new RepositoryLoop({
      store: { list: () => this.listing() },
      clock: this.clock,
      log: this.log,
      metrics: { scanned: (_, ok) => this.scans.push({ at: this.second, ok }) },
      pollNs: 10 * SECOND_NS,
      settleNs: SECOND_NS,
      readsMax,
      isIncluded: (name) => name !== 'excluded',
      onChanged: (model) => {
        this.changed.push(`${model.name} ${model.signature}`);
        return this.handle(model);
      },
      onGone: (name) => this.gone.push(name),
      onFolders: (folders) => {
        this.folders = folders;
      },
    });
  }

  get second(): number {
    return (this.clock.nowNs() - this.#startNs) / SECOND_NS;
  }

  /** All files are old. */
  list(): Listing {
    return {
      models: [...this.models].map(([name, signature]) => ({
        name,
        signature,
        changedMs: 0,
        folder: {
          name,
          repository: '/r',
          directory: `/r/${name}`,
          configFile: null,
          versions: [{ version: 1, directory: `/r/${name}/1`, origin: `/r/${name}/1`, files: [] }],
          findings: [],
        },
      })),
      unreadable: this.unreadable.map((repository) => ({ repository, reason: `can't read '${repository}'` })),
    };
  }

  async run(): Promise<void> {
    await this.loop.settle(60 * SECOND_NS, this.list());
    this.loop.run();
  }

  seconds(seconds: number): Promise<void> {
    return this.clock.advance(seconds * SECOND_NS);
  }
}

let watched: Watched;

beforeEach(() => {
  watched = new Watched();
});

describe('the start', () => {
  it('deals with all there is, without looking again', async () => {
    watched.models.set('m', 'a').set('n', 'a').set('excluded', 'a');
    expect(await watched.loop.settle(60 * SECOND_NS, watched.list())).toEqual([]);
    expect([watched.changed, watched.scans]).toEqual([['m a', 'n a'], []]);
    expect(watched.folders).toEqual(['/r/m', '/r/m/1', '/r/n', '/r/n/1', '/r/excluded', '/r/excluded/1']);
  });

  it('waits for what is to be looked at again soon, and tells what is left in the end', async () => {
    watched.models.set('m', 'a').set('n', 'a');
    watched.handle = async ({ name }) => (name === 'm' ? 'soon' : 'handled');
    const settled = watched.loop.settle(5 * SECOND_NS, watched.list());
    await watched.seconds(10);
    expect(await settled).toEqual(['m']);
    expect(watched.changed).toEqual(['m a', 'n a', 'm a', 'm a', 'm a', 'm a']);
    expect(watched.clock.pendingTimers).toBe(0);
  });

  it('does not wait for what is to be read at the next round', async () => {
    watched.models.set('m', 'a');
    watched.handle = async () => 'later';
    expect(await watched.loop.settle(60 * SECOND_NS, watched.list())).toEqual(['m']);
  });

  it('ends with a stop', async () => {
    watched.models.set('m', 'a');
    watched.handle = async () => 'soon';
    let isOver = false;
    void watched.loop.settle(60 * SECOND_NS, watched.list()).then(() => {
      isOver = true;
    });
    await watched.seconds(0.5);
    expect(isOver).toBe(false);
    await watched.loop.stop();
    await watched.seconds(0);
    expect([isOver, watched.clock.pendingTimers]).toEqual([true, 0]);
    watched.loop.run();
    expect(watched.clock.pendingTimers).toBe(0);
  });
});

describe('a repository that is watched', () => {
  it('is looked at every round', async () => {
    await watched.run();
    await watched.seconds(35);
    expect(watched.scans.map(({ at }) => at)).toEqual([10, 20, 30]);
  });

  it('is dealt with when something new has been left alone', async () => {
    await watched.run();
    watched.models.set('m', 'a');
    await watched.seconds(10);
    expect(watched.changed).toEqual(['m a']);
    watched.models.set('m', 'b');
    await watched.seconds(10);
    expect(watched.changed).toEqual(['m a']);
    await watched.seconds(1);
    expect(watched.changed).toEqual(['m a', 'm b']);
    await watched.seconds(100);
    expect(watched.changed).toEqual(['m a', 'm b']);
  });

  it('tells of what has stayed away', async () => {
    watched.models.set('m', 'a');
    await watched.run();
    watched.models.delete('m');
    await watched.seconds(10);
    expect(watched.gone).toEqual([]);
    await watched.seconds(1);
    expect(watched.gone).toEqual(['m']);
    await watched.seconds(100);
    expect(watched.gone).toEqual(['m']);
  });

  it('does not take the time that a look needs as time that a model stayed away', async () => {
    watched.models.set('m', 'a');
    await watched.run();
    watched.models.delete('m');
    await watched.seconds(10);
    watched.listing = async () => {
      const listing = watched.list();
      await new Promise<void>((resolve) => watched.clock.setTimer(5 * SECOND_NS, resolve));
      return listing;
    };
    watched.loop.hint();
    await watched.seconds(0.2);
    watched.models.set('m', 'a');
    await watched.seconds(30);
    expect(watched.gone).toEqual([]);
  });

  it('is looked at soon after a hint, once for many', async () => {
    await watched.run();
    await watched.seconds(3);
    for (let hints = 0; hints < 40; hints++) {
      watched.loop.hint();
      await watched.seconds(0.01);
    }
    expect(watched.scans.map(({ at }) => Number(at.toFixed(2)))).toEqual([3.1, 3.2, 3.3, 3.4]);
    await watched.seconds(9.9);
    expect(watched.scans).toHaveLength(4);
    await watched.seconds(0.2);
    expect(watched.scans).toHaveLength(5);
  });

  it('is looked at again after a hint that comes during a look', async () => {
    await watched.run();
    let end: () => void = () => {};
    watched.listing = async () => {
      const listing = watched.list();
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return listing;
    };
    await watched.seconds(10);
    watched.models.set('m', 'a');
    watched.loop.hint();
    watched.listing = async () => watched.list();
    await watched.seconds(3);
    expect(watched.changed).toEqual([]);
    end();
    await watched.seconds(0.2);
    expect(watched.changed).toEqual(['m a']);
  });

  it('is read again as soon as asked, or at the next round', async () => {
    await watched.run();
    const handlings: Handling[] = ['soon', 'later', 'handled'];
    const at: number[] = [];
    watched.handle = async () => {
      at.push(watched.second);
      return handlings.shift() ?? 'handled';
    };
    watched.models.set('m', 'a');
    await watched.seconds(60);
    expect(at).toEqual([10, 11, 21]);
  });

  it('deals with other models while one takes long', async () => {
    await watched.run();
    let end: (handling: Handling) => void = () => {};
    watched.handle = ({ name }) =>
      name === 'm'
        ? new Promise((resolve) => {
            end = resolve;
          })
        : Promise.resolve('handled');
    watched.models.set('m', 'a');
    await watched.seconds(10);
    watched.models.set('m', 'b').set('n', 'a');
    await watched.seconds(20);
    watched.models.delete('n');
    await watched.seconds(20);
    // `m` is never dealt with twice at the same time.
    expect([watched.changed, watched.gone]).toEqual([['m a', 'n a'], ['n']]);
    watched.handle = async () => 'handled';
    end('handled');
    await watched.seconds(1.5);
    expect(watched.changed).toEqual(['m a', 'n a', 'm b']);
  });

  it('reads a bounded number of models at a time, and none that is gone when its turn comes', async () => {
    watched = new Watched(1);
    await watched.run();
    let end: () => void = () => {};
    watched.handle = () =>
      new Promise((resolve) => {
        end = () => resolve('handled');
      });
    watched.models.set('l', 'a').set('m', 'a').set('n', 'a');
    await watched.seconds(10);
    expect(watched.changed).toEqual(['l a']);
    watched.models.delete('m');
    await watched.seconds(20);
    expect(watched.gone).toEqual(['m']);
    end();
    await watched.seconds(0);
    expect(watched.changed).toEqual(['l a', 'n a']);
  });

  it('tells once when a repository can not be read, and keeps what it holds', async () => {
    watched.models.set('m', 'a');
    await watched.run();
    watched.models.delete('m');
    watched.unreadable.push('/r');
    await watched.seconds(35);
    expect(watched.gone).toEqual([]);
    expect(watched.log.messages('error')).toEqual(["can't read '/r'; its models stay as they are"]);
    expect(watched.scans.map(({ ok }) => ok)).toEqual([false, false, false]);
    watched.models.set('m', 'a');
    watched.unreadable.pop();
    await watched.seconds(10);
    expect(watched.log.messages('info')).toEqual(["model repository '/r' can be read again"]);
    expect([watched.changed, watched.scans.at(-1)?.ok]).toEqual([['m a'], true]);
  });

  it('is looked at again after a look that failed', async () => {
    watched.models.set('m', 'a');
    await watched.run();
    watched.listing = () => Promise.reject(new Error('no more threads'));
    await watched.seconds(25);
    expect(watched.scans.map(({ ok }) => ok)).toEqual([false, false]);
    watched.listing = async () => watched.list();
    watched.models.set('m', 'b');
    await watched.seconds(20);
    expect([watched.changed, watched.gone]).toEqual([['m a', 'm b'], []]);
  });

  it('is left alone after a stop, which waits for what is under way', async () => {
    await watched.run();
    let end: () => void = () => {};
    watched.handle = () =>
      new Promise((resolve) => {
        end = () => resolve('soon');
      });
    watched.models.set('m', 'a');
    await watched.seconds(10);
    let isOver = false;
    void watched.loop.stop().then(() => {
      isOver = true;
    });
    await watched.seconds(1);
    expect(isOver).toBe(false);
    end();
    await watched.seconds(0);
    expect(isOver).toBe(true);
    watched.loop.hint();
    await watched.seconds(100);
    expect([watched.scans.length, watched.clock.pendingTimers]).toEqual([1, 0]);
  });
});
