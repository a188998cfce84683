import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traceErrors } from '#naiad/errors/settings-errors.js';
import { changeLogSettings, type LogSettingValue, logSettings } from '#naiad/service/log-settings.js';
import type { TraceChanges } from '#naiad/telemetry/trace/trace-setting.js';
import { Tracer } from '#naiad/telemetry/trace/tracer.js';
import { MemoryService } from '../support/memory-service.js';
import { RecordedLog } from '../support/recorded-log.js';
import { RecordedTraces } from '../support/recorded-traces.js';
import { TestDoor } from './harness.js';

let door: TestDoor;

/** Has real settings of log and traces. */
class SettingsService extends MemoryService {
  readonly #log = new RecordedLog();
  readonly #tracer = new Tracer({ mode: 'triton', file: '/t', sink: new RecordedTraces() });

  override logSettings(changes: ReadonlyMap<string, LogSettingValue | null>) {
    changeLogSettings(this.#log, changes);
    return logSettings(this.#log);
  }

  override traceSettings(model: string, changes: TraceChanges) {
    if (model === 'nobody') throw traceErrors.unknownModel(model);
    this.#tracer.change(model, changes);
    return this.#tracer.view(model);
  }
}

beforeAll(async () => {
  door = await TestDoor.open({ service: new SettingsService() });
});
afterAll(() => door.close());

const post = (path: string, body: object) => door.ask('POST', path, JSON.stringify(body));

describe('/v2/logging', () => {
  it('tells the settings, and changes them', async () => {
    expect((await door.ask('GET', '/v2/logging')).json).toEqual({
      log_file: '',
      log_info: true,
      log_warning: true,
      log_error: true,
      log_verbose_level: 0,
      log_format: 'json',
    });
    const changed = await post('/v2/logging', {
      log_info: false,
      log_verbose_level: 1,
      log_format: 'default',
    });
    expect(changed).toMatchObject({
      status: 200,
      json: { log_info: false, log_verbose_level: 1, log_format: 'default' },
    });
    expect((await door.ask('GET', '/v2/logging')).json).toEqual(changed.json);
  });

  it.each([
    [{ log_info: 'x' }, 400, "expect boolean for 'log_info'"],
    [{ log_verbose_level: null }, 400, "expect int32 for 'log_verbose_level'"],
    [{ log_file: 'x' }, 501, 'log file location can not be updated through network protocol'],
  ])('refuses %j', async (body, status, error) => {
    expect(await post('/v2/logging', body)).toMatchObject({ status, json: { error } });
  });
});

describe('/v2/trace/setting', () => {
  it('tells the settings of all models or of one, and changes them', async () => {
    expect(await post('/v2/trace/setting', { trace_level: ['TENSORS'], trace_rate: '3' })).toMatchObject({
      status: 200,
      json: { trace_level: ['TENSORS'], trace_rate: '3', trace_count: '-1', trace_file: '/t' },
    });
    await post('/v2/models/a%20b/trace/setting', { trace_rate: '5' });
    expect((await door.ask('GET', '/v2/models/a%20b/trace/setting')).json).toMatchObject({ trace_rate: '5' });
    await post('/v2/models/a%20b/trace/setting', { trace_rate: null });
    expect((await door.ask('GET', '/v2/models/a%20b/trace/setting')).json).toMatchObject({ trace_rate: '3' });
  });

  it.each([
    ['/v2/trace/setting', { trace_rate: 3 }, "expect string for 'trace_rate'"],
    ['/v2/trace/setting', { trace_level: 'OFF' }, "expect list of strings for 'trace_level'"],
    ['/v2/trace/setting', { trace_level: [1] }, "expect list of strings for 'trace_level'"],
    ['/v2/models/nobody/trace/setting', {}, 'Request for unknown model : nobody'],
  ])('%s refuses %j', async (path, body, error) => {
    expect(await post(path, body)).toMatchObject({ status: 400, json: { error } });
  });
});
