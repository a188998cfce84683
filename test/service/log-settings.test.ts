import { describe, expect, it } from 'vitest';
import { changeLogSettings, type LogSettingValue, logSettings } from '#naiad/service/log-settings.js';
import { RecordedLog } from '../support/recorded-log.js';

function change(...changes: [string, LogSettingValue | null][]): RecordedLog {
  const log = new RecordedLog();
  changeLogSettings(log, new Map(changes));
  return log;
}

describe('settings of the log', () => {
  it('have the names of Triton', () => {
    expect(Object.fromEntries(logSettings(new RecordedLog()))).toEqual({
      log_file: '',
      log_info: true,
      log_warning: true,
      log_error: true,
      log_verbose_level: 0,
      log_format: 'json',
    });
  });

  it('are changed where they are named', () => {
    const log = change(['log_info', false], ['log_verbose_level', 2], ['log_format', 'ISO8601']);
    expect(log.settings).toMatchObject({ info: false, warning: true, verbose: 2, format: 'ISO8601' });
  });

  it('that do not exist are passed over', () => {
    expect(change(['nope', 'x']).settings).toEqual(new RecordedLog().settings);
  });

  it.each([
    ['log_info', 'false', "expect boolean for 'log_info'"],
    ['log_warning', 1, "expect boolean for 'log_warning'"],
    ['log_error', null, "expect boolean for 'log_error'"],
    ['log_verbose_level', true, "expect int32 for 'log_verbose_level'"],
    ['log_verbose_level', 1.5, "expect int32 for 'log_verbose_level'"],
    ['log_verbose_level', -1, "expect int32 for 'log_verbose_level'"],
    ['log_format', 1, "expect string for 'log_format'"],
    ['log_format', 'xml', 'invalid argument for log_format, got: xml'],
  ])('%s refuses %j', (name, value, message) => {
    expect(() => change([name, value])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message }),
    );
  });

  it('refuses a file before anything is changed', () => {
    const log = new RecordedLog();
    const changes = new Map<string, LogSettingValue>([
      ['log_info', false],
      ['log_file', 'x'],
    ]);
    expect(() => changeLogSettings(log, changes)).toThrow(
      expect.objectContaining({
        code: 'UNIMPLEMENTED',
        message: 'log file location can not be updated through network protocol',
      }),
    );
    expect(log.settings.info).toBe(true);
  });

  it('keep what stood before a mistake', () => {
    const log = new RecordedLog();
    const changes = new Map<string, LogSettingValue>([
      ['log_verbose_level', 'x'],
      ['log_info', false],
    ]);
    expect(() => changeLogSettings(log, changes)).toThrow();
    expect(log.settings.info).toBe(false);
  });
});
