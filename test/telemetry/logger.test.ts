import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { LogSettings } from '#naiad/settings/settings.js';

interface LogRun {
  readonly lines: string[];
  readonly code: number | null;
  readonly signal: string | null;
}

function defaultSettings(): LogSettings {
  return { verbose: 0, info: true, warning: true, error: true, format: 'json', file: '', access: false };
}

/** Runs `script` with a `log` in a process of its own; its standard output is the log. */
async function runWithLog(script: string, changes: Partial<LogSettings> = {}): Promise<LogRun> {
  const settings = { ...defaultSettings(), ...changes };
  const url = new URL('../../dist/telemetry/logger.js', import.meta.url);
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { createLogger } from ${JSON.stringify(url)};
       const log = createLogger(${JSON.stringify(settings)}, { colour: false });
       ${script}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { lines: output.split('\n').filter((line) => line !== ''), code, signal };
}

const levelsOf = (run: LogRun): unknown[] =>
  run.lines.map((line) => (JSON.parse(line) as { level: unknown }).level);

describe('a line in JSON', () => {
  it('has level, time, message and fields', async () => {
    const { lines } = await runWithLog(`log.info({ model: 'simple', version: 1 }, 'loaded');`);
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] as string);
    expect(line).toMatchObject({ level: 'info', msg: 'loaded', model: 'simple', version: 1 });
    expect(new Date(line.time).toISOString()).toBe(line.time);
  });

  it.each(['err', 'error'])('tells an error in the field %s with its stack and its cause', async (field) => {
    const { lines } = await runWithLog(
      `log.error({ ${field}: new Error('outer', { cause: new Error('inner') }) }, 'failed');`,
    );
    const line = JSON.parse(lines[0] as string);
    expect(line[field]).toMatchObject({ type: 'Error', message: 'outer: inner' });
    expect(line[field].stack).toContain('at ');
  });
});

describe('a file', () => {
  it('gets the lines behind what it has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
    const file = join(folder, 'log');
    writeFileSync(file, 'before\n');
    try {
      const { lines } = await runWithLog(`log.info({}, 'loaded'); log.flush();`, { file });
      expect(lines).toEqual([]);
      expect(readFileSync(file, 'utf8').split('\n')).toEqual([
        'before',
        expect.stringContaining('"msg":"loaded"'),
        '',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('settings', () => {
  it('change while the log is written', async () => {
    const { lines } = await runWithLog(`
      log.debug({}, 'not yet');
      log.change({ verbose: 1, info: false });
      log.debug({}, 'now');
      log.info({}, 'no more');
      log.change({ format: 'default' });
      log.warn({ model: 'm' }, 'as Triton');
      log.warn({}, String(log.settings.verbose));`);
    expect(lines).toEqual([
      expect.stringContaining('"msg":"now"'),
      expect.stringMatching(/^W\d{4} [\d:]+\.\d{6} \d+ naiad\] "as Triton" \{"model":"m"\}$/),
      expect.stringMatching(/ "1"$/),
    ]);
  });
});

describe('levels', () => {
  const CASES: readonly [Partial<LogSettings>, string[]][] = [
    [{}, ['info', 'warn', 'error', 'fatal']],
    [{ verbose: 1 }, ['debug', 'info', 'warn', 'error', 'fatal']],
    [{ verbose: 2 }, ['trace', 'debug', 'info', 'warn', 'error', 'fatal']],
    [{ info: false }, ['warn', 'error', 'fatal']],
    [{ warning: false }, ['info', 'error', 'fatal']],
    [{ error: false }, ['info', 'warn', 'fatal']],
    [{ verbose: 1, info: false, warning: false, error: false }, ['debug', 'fatal']],
  ];

  it('are those that the settings name', async () => {
    const loggers = CASES.map(([changes]) => ({ ...defaultSettings(), ...changes }));
    const { lines } = await runWithLog(`
      ${JSON.stringify(loggers)}.forEach((settings, index) => {
        const each = createLogger(settings, { colour: false });
        for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) each[level]({ index }, level);
        each.flush();
      });`);
    const written = lines.map((line) => JSON.parse(line) as { level: string; index: number });
    for (const [index, [settings, levels]] of CASES.entries()) {
      const own = written.filter((line) => line.index === index).map(({ level }) => level);
      expect(own, JSON.stringify(settings)).toEqual(levels);
    }
  });
});

describe('lines for people', () => {
  it('hold level, message and fields on one line', async () => {
    const { lines } = await runWithLog(`log.warn({ model: 'simple' }, 'slow');`, { format: 'pretty' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: slow \{"model":"simple"\}$/);
  });
});

describe('the end of the process', () => {
  const MANY = `for (let i = 0; i < 5000; i++) log.info({ i }, 'x'.repeat(100));`;

  it('loses nothing when it comes by itself', async () => {
    const run = await runWithLog(MANY);
    expect(run.lines).toHaveLength(5000);
    expect(JSON.parse(run.lines.at(-1) as string).i).toBe(4999);
    expect(run.code).toBe(0);
  });

  it('loses nothing after a flush when it comes by a signal', async () => {
    const run = await runWithLog(`${MANY} log.flush(); process.kill(process.pid, 'SIGTERM');`);
    expect(run.lines).toHaveLength(5000);
    expect(run.signal).toBe('SIGTERM');
  });

  it('keeps warnings and errors whenever it comes', async () => {
    const script = `log.info({}, 'one'); log.error({}, 'two'); process.kill(process.pid, 'SIGKILL');`;
    expect(levelsOf(await runWithLog(script))).toEqual(['info', 'error']);
  });
});

it('does not end the process when nobody reads the log any more', async () => {
  const url = new URL('../../dist/telemetry/logger.js', import.meta.url);
  const script = `
    import { createLogger } from ${JSON.stringify(url)};
    const log = createLogger({ verbose: 0, info: true, warning: true, error: true, format: 'json', file: '' }, {});
    process.stdin.once('data', () => {
      for (let i = 0; i < 1000; i++) log.warn({ i }, 'x'.repeat(100));
      process.stderr.write('alive');
      process.exitCode = 7;
      process.stdin.destroy();
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' });
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.end('go');
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(said).toBe('alive');
  expect(code).toBe(7);
});
