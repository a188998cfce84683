import { describe, expect, it } from 'vitest';
import { Catalog, isServed, LATEST } from '#naiad/lifecycle/catalog.js';
import { aModelSpec, anExecutor, aServingModel } from '../support/models.js';

function serving(catalog: Catalog, name: string, ...versions: number[]): void {
  catalog.announce(name);
  for (const version of versions) {
    catalog.loading(name, version);
    catalog.publish(aServingModel(aModelSpec({ name }), version));
  }
}

describe('Catalog', () => {
  it('finds the highest version that is ready', () => {
    const catalog = new Catalog();
    serving(catalog, 'm', 2, 10, 3);
    catalog.loading('m', 11);
    expect(catalog.find('m', LATEST).version).toBe(10);
    expect(catalog.find('m', 3).version).toBe(3);
  });

  it('refuses with the lookup errors of Triton', () => {
    const catalog = new Catalog();
    serving(catalog, 'm', 1);
    catalog.loading('m', 2);
    catalog.announce('empty', 'its configuration is broken');
    const refusal = (name: string, version: number) => () => catalog.find(name, version);
    expect(refusal('x', LATEST)).toThrow("Request for unknown model: 'x' is not found");
    expect(refusal('m', 99)).toThrow("Request for unknown model: 'm' version 99 is not found");
    expect(refusal('empty', LATEST)).toThrow("Request for unknown model: 'empty' has no available versions");
    expect(refusal('m', 2)).toThrow(
      expect.objectContaining({
        code: 'UNAVAILABLE',
        message: "Request for unknown model: 'm' version 2 is not at ready state",
      }),
    );
  });

  it('unpublishes at once and waits for the leases', async () => {
    const catalog = new Catalog();
    serving(catalog, 'm', 1);
    const lease = catalog.lease('m', LATEST);
    const other = catalog.lease('m', 1);
    let idle = false;
    const unpublished = catalog.unpublish('m', 1).then(() => {
      idle = true;
    });
    expect(() => catalog.find('m', LATEST)).toThrow('has no available versions');
    lease.release();
    lease.release();
    await Promise.resolve();
    expect(idle).toBe(false);
    other.release();
    await unpublished;
    catalog.unloaded('m', 1);
    expect(catalog.versions('m')).toMatchObject([{ state: 'UNAVAILABLE', reason: 'unloaded' }]);
  });

  it('is all ready when every known version is served or was unloaded on purpose', async () => {
    const catalog = new Catalog();
    serving(catalog, 'm', 1, 2);
    expect(catalog.allReady()).toBe(true);
    await catalog.unpublish('m', 1);
    catalog.unloaded('m', 1);
    expect(catalog.allReady()).toBe(true);
    catalog.loading('m', 3);
    expect(catalog.allReady()).toBe(false);
    catalog.failed('m', 3, 'broken');
    expect(catalog.allReady()).toBe(false);
  });

  it('is not all ready while no instance of a version lives', () => {
    const catalog = new Catalog();
    catalog.announce('m');
    catalog.loading('m', 1);
    catalog.publish({
      ...aServingModel(aModelSpec({ name: 'm' })),
      executors: [anExecutor(false), anExecutor(false)],
    });
    expect(catalog.allReady()).toBe(false);
    serving(catalog, 'n', 1);
    expect(catalog.versions('n').map(isServed)).toEqual([true]);
    expect(catalog.versions('m').map(isServed)).toEqual([false]);
  });

  it('is not all ready with a model that has no version', () => {
    const catalog = new Catalog();
    catalog.announce('m');
    expect(catalog.allReady()).toBe(false);
  });

  it('tells of every change until it is asked to stop', () => {
    const catalog = new Catalog();
    let changes = 0;
    const stop = catalog.onChange(() => changes++);
    serving(catalog, 'm', 1);
    expect(changes).toBe(3);
    stop();
    catalog.loading('m', 2);
    expect(changes).toBe(3);
  });

  it('refuses illegal moves as mistakes of ours', () => {
    const catalog = new Catalog();
    serving(catalog, 'm', 1);
    expect(() => catalog.failed('m', 1, 'late')).toThrow('illegal move READY -> UNAVAILABLE');
    expect(() => catalog.loading('n', 1)).toThrow("model 'n' was not announced");
  });
});
