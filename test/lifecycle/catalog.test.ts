import { describe, expect, it } from 'vitest';
import { Catalog, type CatalogEntry, isServed, LATEST, type VersionEntry } from '#naiad/lifecycle/catalog.js';
import type { ServingModel } from '#naiad/lifecycle/serving-model.js';
import { aModelSpec, anExecutor, aServingModel } from '../support/models.js';

function ready(serving: ServingModel): VersionEntry {
  return { version: serving.version, state: 'READY', reason: '', serving };
}

function loading(version: number): VersionEntry {
  return { version, state: 'LOADING', reason: '', serving: null };
}

function unavailable(version: number, reason: string): VersionEntry {
  return { version, state: 'UNAVAILABLE', reason, serving: null };
}

function entry(versions: readonly VersionEntry[], overrides: Partial<CatalogEntry> = {}): CatalogEntry {
  return { reason: '', required: true, held: false, heldVersions: [], versions, ...overrides };
}

const model = (version: number, name = 'm'): ServingModel => aServingModel(aModelSpec({ name }), version);

describe('Catalog', () => {
  it('finds the highest version that is ready', () => {
    const catalog = new Catalog();
    catalog.update('m', entry([ready(model(2)), ready(model(3)), ready(model(10)), loading(11)]));
    expect(catalog.find('m', LATEST).version).toBe(10);
    expect(catalog.find('m', 3).version).toBe(3);
  });

  it('refuses with the lookup errors of Triton', () => {
    const catalog = new Catalog();
    catalog.update('m', entry([ready(model(1)), loading(2)]));
    catalog.update('rejected', entry([], { reason: 'its configuration is broken' }));
    catalog.update('broken', entry([unavailable(1, 'no')]));
    const refusal = (name: string, version: number) => () => catalog.find(name, version);
    expect(refusal('x', LATEST)).toThrow("Request for unknown model: 'x' is not found");
    // Triton cuts it there, and answers for m.
    expect(refusal('m\0x', LATEST)).toThrow(
      "invalid model name 'm\0x', model name must not contain NUL characters",
    );
    expect(refusal('rejected', LATEST)).toThrow("Request for unknown model: 'rejected' is not found");
    expect(refusal('m', 99)).toThrow("Request for unknown model: 'm' version 99 is not found");
    expect(refusal('broken', LATEST)).toThrow(
      "Request for unknown model: 'broken' has no available versions",
    );
    expect(refusal('m', 2)).toThrow(
      expect.objectContaining({
        code: 'UNAVAILABLE',
        message: "Request for unknown model: 'm' version 2 is not at ready state",
      }),
    );
  });

  it('swaps a version at once, and the old one is idle with its last lease', async () => {
    const catalog = new Catalog();
    const old = model(1);
    const successor = model(1);
    catalog.update('m', entry([ready(old)]));
    const lease = catalog.lease('m', LATEST);
    const other = catalog.lease('m', 1);
    catalog.update('m', entry([ready(successor)]));
    expect(catalog.find('m', 1)).toBe(successor);
    expect(lease.model).toBe(old);
    let idle = false;
    const drained = catalog.idle(old).then(() => {
      idle = true;
    });
    lease.release();
    lease.release();
    await Promise.resolve();
    await Promise.resolve();
    expect(idle).toBe(false);
    expect(catalog.leases(old)).toBe(1);
    other.release();
    await drained;
    expect(catalog.leases(old)).toBe(0);
    await catalog.idle(successor);
  });

  it('is all ready when every model that is required has a version that is served', () => {
    const catalog = new Catalog();
    expect(catalog.allReady()).toBe(true);
    catalog.update('m', entry([loading(1)]));
    expect(catalog.allReady()).toBe(false);
    catalog.update('m', entry([ready(model(1)), unavailable(2, 'broken')]));
    expect(catalog.allReady()).toBe(true);
    catalog.update('n', entry([], { reason: 'no configuration' }));
    expect(catalog.allReady()).toBe(false);
    catalog.update('n', entry([unavailable(1, 'unloaded')], { required: false }));
    expect(catalog.allReady()).toBe(true);
    catalog.forget('n');
    expect(catalog.names()).toEqual(['m']);
  });

  it('does not count a version as served while none of its instances lives', () => {
    const dead = { ...model(1), executors: [anExecutor(false)] };
    expect(isServed(ready(dead))).toBe(false);
    expect(isServed(ready(model(1)))).toBe(true);
    const catalog = new Catalog();
    catalog.update('m', entry([ready(dead)]));
    expect(catalog.allReady()).toBe(false);
  });

  it('tells of every change until asked to stop', () => {
    const catalog = new Catalog();
    let changes = 0;
    const stop = catalog.onChange(() => changes++);
    catalog.update('m', entry([]));
    catalog.notify();
    catalog.forget('m');
    expect(changes).toBe(3);
    stop();
    catalog.notify();
    expect(changes).toBe(3);
  });
});
