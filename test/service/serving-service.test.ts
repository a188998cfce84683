import { beforeEach, describe, expect, it } from 'vitest';
import { Catalog } from '#naiad/lifecycle/catalog.js';
import type { HistoryEntry } from '#naiad/lifecycle/history.js';
import { ServingService } from '#naiad/service/serving-service.js';
import { Tracer } from '#naiad/telemetry/trace/tracer.js';
import { FakeClock } from '../support/fake-clock.js';
import { aModelSpec, aServingModel } from '../support/models.js';
import { RecordedLog } from '../support/recorded-log.js';
import { RecordedTraces } from '../support/recorded-traces.js';
import { aRequest } from '../support/requests.js';
import { RecordedControl } from './control.js';

const PLAIN = { config: null, files: new Map<string, Uint8Array>(), rollback: false };

let catalog: Catalog;
let control: RecordedControl;
let clock: FakeClock;
let service: ServingService;
let tracer: Tracer;
let sink: RecordedTraces;

beforeEach(() => {
  catalog = new Catalog();
  control = new RecordedControl();
  clock = new FakeClock();
  sink = new RecordedTraces();
  tracer = new Tracer({ mode: 'triton', file: 'x', sink });
  service = new ServingService({
    catalog,
    control,
    clock,
    log: new RecordedLog(),
    tracer,
    pictures: {
      decode: () => Promise.reject(new Error('not to be reached')),
      close: () => Promise.resolve(),
    },
    id: 'triton',
    version: '1.2.3',
    strictReadiness: true,
    statusMode: 'triton',
    sharedMemory: null,
    accessLog: false,
  });
});

describe('control over the repository', () => {
  it('goes to the lifecycle while the server serves', async () => {
    service.started();
    await service.loadModel('m', PLAIN);
    await service.unloadModel('m', { dependents: true });
    const entry: HistoryEntry = { atMs: 1, version: 1, event: 'ready', why: 'load', steps: [] };
    control.entries = [entry];
    expect(service.modelHistory('m')).toEqual([entry]);
    expect(control.asked).toEqual([
      ['load', 'm', PLAIN],
      ['unload', 'm', { dependents: true }],
      ['history', 'm'],
    ]);
  });

  it('is refused before the start is complete, and when the server stops', async () => {
    const attempts = (): Promise<void>[] => [
      service.loadModel('m', PLAIN),
      service.unloadModel('m', { dependents: false }),
    ];
    for (const attempt of attempts()) {
      await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'Server not ready' });
    }
    service.started();
    await service.drain();
    for (const attempt of attempts()) {
      await expect(attempt).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: 'GRPC server is shutting down and has stopped accepting new requests.',
      });
    }
    expect(control.asked).toEqual([]);
  });

  it('is refused where the mode does not allow it', async () => {
    service.started();
    control.mode = 'poll';
    await expect(service.loadModel('m', PLAIN)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(service.unloadModel('m', { dependents: false })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await service.loadModel('m', { ...PLAIN, rollback: true });
    expect(control.asked).toEqual([['load', 'm', { ...PLAIN, rollback: true }]]);
  });
});

it('refuses the index of a named repository', async () => {
  control.there = ['m'];
  await expect(service.repositoryIndex('r', false)).rejects.toMatchObject({
    code: 'UNIMPLEMENTED',
    message: "'repository_name' specification is not supported",
  });
  expect(await service.repositoryIndex('', false)).toEqual([
    { name: 'm', version: '', state: '', reason: '' },
  ]);
});

it('names the extensions of the model repository', () => {
  expect(service.serverMetadata().extensions).toEqual(
    expect.arrayContaining(['model_repository', 'model_repository(unload_dependents)']),
  );
});

describe('a request to a model that is replaced in place', () => {
  const held = { reason: '', required: true, heldVersions: [], versions: [] };

  beforeEach(() => {
    service.started();
    catalog.update('simple', { ...held, held: true });
  });

  it('waits for it, and then walks on', async () => {
    const answer = service.infer(aRequest({ inputs: [] }));
    answer.catch(() => {});
    const serving = aServingModel(aModelSpec(), 1);
    catalog.update('simple', {
      ...held,
      held: false,
      versions: [{ version: 1, state: 'READY', reason: '', serving }],
    });
    // The request itself is refused: it has come to the model.
    await expect(answer).rejects.toMatchObject({ message: expect.stringContaining('expected 2 inputs') });
  });

  it('counts as accepted while it waits', async () => {
    const answer = service.infer(aRequest());
    answer.catch(() => {});
    let isDrained = false;
    const drained = service.drain().then(() => {
      isDrained = true;
    });
    await Promise.resolve();
    expect(isDrained).toBe(false);
    catalog.forget('simple');
    await expect(answer).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await drained;
  });
});
