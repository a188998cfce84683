import { beforeEach, describe, expect, it } from 'vitest';
import { Catalog, type CatalogEntry, type VersionEntry } from '#naiad/lifecycle/catalog.js';
import { repositoryIndex } from '#naiad/service/repository-index.js';
import { aModelSpec, anExecutor, aServingModel } from '../support/models.js';
import { RecordedLog } from '../support/recorded-log.js';
import { RecordedControl } from './control.js';

let catalog: Catalog;
let control: RecordedControl;
let log: RecordedLog;

beforeEach(() => {
  catalog = new Catalog();
  control = new RecordedControl();
  log = new RecordedLog();
});

const entry = (versions: readonly VersionEntry[], changes: Partial<CatalogEntry> = {}): CatalogEntry => ({
  reason: '',
  required: true,
  held: false,
  heldVersions: [],
  versions,
  ...changes,
});

function ready(name: string, version: number, isAlive = true): VersionEntry {
  const model = aServingModel(aModelSpec({ name }), version);
  return { version, state: 'READY', reason: '', serving: { ...model, executors: [anExecutor(isAlive)] } };
}

const down = (version: number, reason: string): VersionEntry => ({
  version,
  state: 'UNAVAILABLE',
  reason,
  serving: null,
});

/** Entries as `name/version state reason`. */
async function index(readyOnly = false): Promise<string[]> {
  const entries = await repositoryIndex({ catalog, control, log }, readyOnly);
  return entries.map(({ name, version, state, reason }) => `${name}/${version} ${state} ${reason}`.trim());
}

describe('the index', () => {
  it('has every version by name and number, and what was never loaded', async () => {
    catalog.update('b', entry([ready('b', 2), ready('b', 10), down(11, 'bad file')]));
    catalog.update('a', entry([down(1, 'unloaded')]));
    catalog.update('c', entry([], { reason: 'two repositories have it' }));
    control.there = ['never', 'c', 'b', 'a'];
    expect(await index()).toEqual([
      'a/1 UNAVAILABLE unloaded',
      'b/2 READY',
      'b/10 READY',
      'b/11 UNAVAILABLE bad file',
      'c/ UNAVAILABLE two repositories have it',
      'never/',
    ]);
    expect(await index(true)).toEqual(['b/2 READY', 'b/10 READY']);
  });

  it('tells a version whose worker is gone as unavailable', async () => {
    catalog.update('a', entry([ready('a', 1, false)]));
    control.there = ['a'];
    expect(await index()).toEqual(['a/1 UNAVAILABLE its worker has stopped and is being replaced']);
    expect(await index(true)).toEqual([]);
  });

  it('has an entry without a version for a model that is known but has none', async () => {
    catalog.update('a', entry([]));
    control.there = ['a'];
    expect(await index()).toEqual(['a/']);
  });

  it('leaves out what is not loaded and whose folder is gone', async () => {
    catalog.update('unloaded', entry([down(1, 'unloaded'), down(2, 'unloaded')]));
    catalog.update('refused', entry([], { reason: 'no configuration' }));
    catalog.update('served', entry([down(1, 'unloaded'), ready('served', 2)]));
    catalog.update('lost', entry([ready('lost', 1, false)]));
    catalog.update('leaving', entry([{ version: 1, state: 'UNLOADING', reason: '', serving: null }]));
    expect(await index()).toEqual([
      'leaving/1 UNLOADING',
      'lost/1 UNAVAILABLE its worker has stopped and is being replaced',
      'served/1 UNAVAILABLE unloaded',
      'served/2 READY',
    ]);
  });

  it('tells what is known while the repository can not be read', async () => {
    catalog.update('a', entry([down(1, 'unloaded')]));
    control.there = new Error('no such folder');
    expect(await index()).toEqual(['a/1 UNAVAILABLE unloaded']);
    expect(log.messages('warn')).toHaveLength(1);
  });
});
