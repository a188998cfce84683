import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { formatHistory } from '#naiad/cli/model-history.js';
import { repositoryErrors } from '#naiad/errors/catalogue.js';
import { type Harness, openHarness } from '../grpc/harness.js';
import { aModelConfig } from '../support/memory-service.js';
import { TestRepository } from '../support/repository.js';
import { cli } from './run-cli.js';

const PLAIN = { config: null, files: new Map(), rollback: false };

let harness: Harness;
let url: string;
let folder: TestRepository;

beforeAll(async () => {
  harness = await openHarness();
  url = `--url=127.0.0.1:${harness.door.port}`;
  folder = new TestRepository({
    'm.json': '{"backend": "onnxruntime"}',
    'm.onnx': 'onnx',
    'm.pbtxt': 'a: 1',
    'a=b': 'a label',
  });
});

afterAll(async () => {
  await harness.door.close(0);
  folder.remove();
});

beforeEach(() => {
  const { service } = harness;
  service.controlled = async () => {};
  service.loads.length = 0;
  service.unloads.length = 0;
  service.models.clear();
  service.models.set('echo', true);
});

const file = (name: string): string => join(folder.directory, name);

describe('models load', () => {
  it('loads a model and tells what is served', async () => {
    expect(await cli('models', 'load', 'm', url)).toEqual({
      code: 0,
      out: 'm is loaded, version 1\n',
      err: '',
    });
    expect(harness.service.loads).toEqual([{ name: 'm', options: PLAIN }]);
  });

  it('prints JSON', async () => {
    const { out } = await cli('models', 'load', 'm', url, '--json');
    expect(JSON.parse(out)).toEqual([{ name: 'm', version: '1', state: 'READY', reason: '' }]);
  });

  it('tells what came of quantizing it', async () => {
    const tellsOf = async (report: Readonly<Record<string, string>>): Promise<string> => {
      const entries = Object.entries(report).map(([key, text]) => [
        `quantization.report.${key}`,
        { string_value: text },
      ]);
      const config = vi.spyOn(harness.service, 'modelConfig');
      config.mockReturnValue(aModelConfig({ parameters: Object.fromEntries(entries) }));
      const { out } = await cli('models', 'load', 'm', url);
      config.mockRestore();
      return out;
    };
    expect(await tellsOf({ outcome: 'quantized', mode: 'nf4' })).toBe(
      'm is loaded, version 1\nversion 1 is quantized (nf4)\n',
    );
    expect(await tellsOf({ outcome: 'original', reason: 'it is too far off' })).toBe(
      'm is loaded, version 1\nversion 1 is served as it is: it is too far off\n',
    );
  });

  it('of a model that the repository does not have names those that it has', async () => {
    harness.service.controlled = () => Promise.reject(repositoryErrors.notInRepository('ecko'));
    expect((await cli('models', 'load', 'ecko', url)).err).toMatch(
      /, did you mean 'echo'\? The server has: /,
    );
    expect((await cli('models', 'load', 'echo', url)).err).not.toContain('The server has');
  });

  it('sends a configuration and files', async () => {
    const files = [`--file=1/model.onnx=${file('m.onnx')}`, `--file=labels=${file('a=b')}`];
    const { code } = await cli('models', 'load', 'm', url, '--config', file('m.json'), ...files);
    expect(code).toBe(0);
    expect(harness.service.loads).toEqual([
      {
        name: 'm',
        options: {
          config: '{"backend": "onnxruntime"}',
          files: new Map([
            ['1/model.onnx', Buffer.from('onnx')],
            ['labels', Buffer.from('a label')],
          ]),
          rollback: false,
        },
      },
    ]);
  });

  it('waits without a limit unless there is one', async () => {
    harness.service.controlled = () => new Promise(() => {});
    expect(await cli('models', 'load', 'm', url, '--timeout=0.05')).toEqual({
      code: 1,
      out: '',
      err: `naiad models: no answer from ${url.slice(6)} within 0.05 s (--timeout)\n`,
    });
  });

  it('tells why it failed, in one line', async () => {
    const failures = [{ version: 1, reason: 'no such file' }];
    harness.service.controlled = () => Promise.reject(repositoryErrors.loadFailed('m', failures));
    expect(await cli('models', 'load', 'm', url)).toEqual({
      code: 1,
      out: '',
      err: "naiad models: load failed for model 'm': version 1 is at UNAVAILABLE state: no such file;\n",
    });
  });

  it('reads its files before it asks the server', async () => {
    const failing = async (...argv: string[]): Promise<string> => {
      const { code, err } = await cli('models', 'load', 'm', '--url=127.0.0.1:1', ...argv);
      expect(code).toBe(1);
      return err;
    };
    expect(await failing(`--config=${file('nope')}`)).toMatch(/can't read .*nope: no such file\n$/);
    expect(await failing(`--config=${folder.directory}`)).toMatch(/can't read .*: it is a folder\n$/);
    expect(await failing(`--config=${file('m.pbtxt')}`)).toMatch(/m\.pbtxt is no JSON; 'naiad models show/);
    expect(await failing(`--config=${file('m.json')}`, '--file=1/m=nope')).toMatch(
      /can't read nope: no such file/,
    );
  });
});

it('what could not be loaded in place of what is served is told from what serves', async () => {
  const index = vi.spyOn(harness.service, 'repositoryIndex');
  const stateOf = async (reason: string): Promise<string> => {
    index.mockResolvedValue([{ name: 'echo', version: '1', state: 'READY', reason }]);
    return (await cli('models', url)).out;
  };
  expect(await stateOf('Internal: broken')).toContain(
    '| READY; what is to replace it can not be loaded: Internal: broken |',
  );
  expect(await stateOf('it is not quantized (int8): too far off')).toContain(
    '| READY: it is not quantized (int8): too far off |',
  );
  index.mockRestore();
});

describe('models unload', () => {
  it('unloads a model', async () => {
    expect(await cli('models', 'unload', 'echo', url)).toEqual({
      code: 0,
      out: 'echo is unloaded\n',
      err: '',
    });
    expect(harness.service.unloads).toEqual([{ name: 'echo', dependents: false }]);
  });
});

describe('models rollback', () => {
  it('goes back to what was served before', async () => {
    expect(await cli('models', 'rollback', 'm', url)).toEqual({
      code: 0,
      out: 'm is rolled back, version 1\n',
      err: '',
    });
    expect(harness.service.loads).toEqual([{ name: 'm', options: { ...PLAIN, rollback: true } }]);
  });

  it('tells that there is nothing before', async () => {
    harness.service.controlled = () => Promise.reject(repositoryErrors.noRollback('echo'));
    expect(await cli('models', 'rollback', 'echo', url)).toMatchObject({
      code: 1,
      err: "naiad models: model 'echo' can not be rolled back: nothing else was served before\n",
    });
  });
});

it('a model that only has to be loaded is told from one that is not there', async () => {
  const index = vi.spyOn(harness.service, 'repositoryIndex');
  index.mockResolvedValue([{ name: 'idle', version: '', state: '', reason: '' }]);
  const { err } = await cli('models', 'show', 'idle', url);
  expect(err).toBe(
    "naiad models: Request for unknown model: 'idle' is not found: it is in the repository and not loaded; naiad models load idle\n",
  );
  expect((await cli('models', 'show', 'idel', url)).err).toContain("did you mean 'idle'?");
  expect((await cli('models', url)).out).toMatch(/\| idle +\| - .*\| not loaded/);
  index.mockRestore();
});

it.each([
  ['load', 'explicit'],
  ['unload', 'explicit'],
  ['rollback', 'poll or --model-control-mode=explicit'],
])('models %s tells which mode allows it', async (verb, modes) => {
  harness.service.controlled = () => Promise.reject(repositoryErrors.controlDisabled());
  expect(await cli('models', verb, 'm', url)).toMatchObject({
    code: 1,
    err: `naiad models: explicit model load / unload is not allowed if polling is enabled: start the server with --model-control-mode=${modes}\n`,
  });
});

describe('models history', () => {
  const entries = [
    { atMs: 1_700_000_000_000, version: null, event: 'rejected', why: 'no backend', steps: [] },
    {
      atMs: 1_700_000_060_000,
      version: 2,
      event: 'ready',
      why: 'new version',
      steps: [
        { name: 'read', ms: 0.4251 },
        { name: 'session', ms: 123.4 },
        { name: 'warm-up', ms: 12_345 },
      ],
    },
  ] as const;

  beforeEach(() => harness.service.histories.set('echo', entries));

  it('prints a table', async () => {
    const { code, out } = await cli('models', 'history', 'echo', url);
    expect(code).toBe(0);
    expect(out.split('\n').slice(1, -2)).toEqual([
      '| When                     | Version | What     | Took           | Why         |',
      '+--------------------------+---------+----------+----------------+-------------+',
      '| 2023-11-14T22:13:20.000Z | -       | rejected | -              | no backend  |',
      '| 2023-11-14T22:14:20.000Z | 2       | ready    | read 0.425 ms  | new version |',
      '|                          |         |          | session 123 ms |             |',
      '|                          |         |          | warm-up 12.3 s |             |',
    ]);
  });

  it('prints JSON', async () => {
    const { out } = await cli('models', 'history', 'echo', url, '--json');
    expect(JSON.parse(out)).toEqual([
      { at: '2023-11-14T22:13:20.000Z', version: '', event: 'rejected', why: 'no backend', steps: [] },
      {
        at: '2023-11-14T22:14:20.000Z',
        version: '2',
        event: 'ready',
        why: 'new version',
        steps: entries[1].steps,
      },
    ]);
  });

  it('tells a model that was never loaded from one that is not there', async () => {
    harness.service.histories.clear();
    expect(await cli('models', 'history', 'echo', url)).toMatchObject({
      code: 0,
      out: 'echo was never loaded\n',
    });
    expect(await cli('models', 'history', 'ecko', url)).toMatchObject({
      code: 1,
      err: "naiad models: nothing is known of model 'ecko', did you mean 'echo'? The server has: echo\n",
    });
  });

  it('breaks only the reason where the terminal is narrow', () => {
    const entry = { at_ms: '0', version: '', event: 'failed', why: 'a reason that goes on', steps: [] };
    const widths = formatHistory([entry], 60)
      .split('\n')
      .map((line) => line.length);
    expect(formatHistory([entry], 60)).toContain('| a reason that goes on ');
    expect(new Set(widths).size).toBe(2);
  });
});

describe('mistakes of a command line', () => {
  it.each([
    [['load'], 'which model? naiad models load MODEL'],
    [['rolback', 'm'], "unknown word 'rolback', did you mean 'rollback'?"],
    [['roll', 'm'], "unknown word 'roll'; known ones: show, load, unload, rollback, history, list"],
    [['load', 'm', '--file=x'], '--file=x: expected PATH=FILE, e.g. 1/model.onnx=new.onnx'],
    [['load', 'm', '--file==x'], '--file==x: expected PATH=FILE'],
    [['load', 'm', '--file=x=y'], "--file needs --config: the files replace the model's whole folder"],
    [['unload', 'm', '--config=x'], '--config belongs to: naiad models load MODEL'],
    [['--file=x=y'], '--file belongs to: naiad models load MODEL'],
    [['load', 'm', '--model-version=1'], '--model-version belongs to: naiad models show MODEL'],
    [['unload', 'm', 'n'], "unexpected argument 'n'"],
  ])('%j', async (argv, line) => {
    const { code, out, err } = await cli('models', ...argv, url);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`naiad models: ${line}`);
  });
});
