import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '#naiad/cli/commands.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { addSub } from '../support/onnx.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { cli, program } from './run-cli.js';

const ROW = Array.from({ length: 16 }, (_, index) => index);

let repository: TestRepository;
let server: TestServer;
let url: string;

beforeAll(async () => {
  repository = new TestRepository({
    ...identityModel('echo', identityConfig()),
    'simple/1/model.onnx': addSub(),
    'broken/config.pbtxt': 'nonsense: 1',
    'broken/1/model.onnx': 'x',
  });
  server = await startTestServer({ modelRepositories: [repository.directory] });
  url = `--url=127.0.0.1:${server.server.grpcPort}`;
});

afterAll(async () => {
  await server.stop();
  repository.remove();
});

const usage = (line: string): RegExp => new RegExp(`^naiad \\w+: ${line}\n'naiad \\w+ --help' shows`);

describe('the program', () => {
  it('tells its commands', async () => {
    for (const argv of [['--help'], ['help'], ['-h']]) {
      const { code, out } = await cli(...argv);
      expect(code).toBe(0);
      for (const { name } of COMMANDS) expect(out).toContain(`  ${name} `);
    }
  });

  it('wants a command', async () => {
    expect(await cli()).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('Usage: naiad COMMAND'),
    });
  });

  it('does not know every word', async () => {
    const { code, err } = await cli('serv');
    expect(code).toBe(2);
    expect(err).toContain("naiad: unknown command 'serv', did you mean 'serve'?");
    expect(await cli('help', 'modles')).toMatchObject({ code: 2 });
  });

  it.each(COMMANDS.map(({ name }) => name))('tells flags, exit codes and examples of %s', async (name) => {
    const byFlag = await cli(name, '--help');
    expect(byFlag.code).toBe(0);
    expect(byFlag.err).toBe('');
    expect(await cli('help', name)).toEqual(byFlag);
    const command = COMMANDS.find((each) => each.name === name);
    for (const flag of command?.flags ?? []) expect(byFlag.out).toContain(`--${flag.name}`);
    for (const example of command?.examples ?? []) expect(byFlag.out).toContain(example);
    expect(byFlag.out).toContain('Exit codes:');
  });

  it('runs as a process of its own', async () => {
    const result = await program('version');
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toMatch(
      /^naiad \d+\.\d+\.\d+ \(onnxruntime-node \d+\.\d+\.\d+, node \d+.*, linux-\w+\)\n$/,
    );
    expect(await program('modles')).toMatchObject({ code: 2, out: '' });
  });
});

describe('mistakes of a command line', () => {
  it.each([
    [['infer'], 'which model\\? naiad infer MODEL \\[FILE\\.\\.\\.\\]'],
    [['infer', 'm', '--input=x'], '--input=x: expected NAME=FILE or NAME=JSON'],
    [['infer', 'm', '--top=0'], '--top=0: expected a whole number from 1 to 1000000'],
    [['infer', 'm', '--timout=3'], "unknown flag '--timout', did you mean '--timeout'\\?"],
    [['infer', 'm', '--url=http://localhost:8000'], '--url=http://localhost:8000: expected the gRPC address'],
    [['infer', 'm', '--url=localhost'], '--url=localhost: expected HOST:PORT'],
    [['models', 'shwo'], "unknown word 'shwo', did you mean 'show'\\?"],
    [['models', 'show'], 'which model\\?'],
    [['models', 'show', 'a', 'b'], "unexpected argument 'b'"],
    [['check'], 'which repository\\? Give at least one directory'],
    [['check', '--jsn', '.'], "unknown flag '--jsn', did you mean '--json'\\?"],
    [['health', 'x'], "unexpected argument 'x'"],
    [['health', '--live', '--model=m'], '--live and --model exclude each other'],
    [['version', 'x'], "unexpected argument 'x'"],
  ])('%j', async (argv, line) => {
    const result = await cli(...argv);
    expect(result).toMatchObject({ code: 2, out: '' });
    expect(result.err.replace(/;.*/, '').replace(/(gRPC address).*/, '$1')).toMatch(usage(`${line}.*`));
  });
});

describe('infer', () => {
  it('prints a table', async () => {
    const result = await cli(
      'infer',
      'simple',
      url,
      `--input=INPUT0=${JSON.stringify(ROW)}`,
      `--input=INPUT1=${JSON.stringify([ROW])}`,
    );
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(result.out).toContain('simple, version 1\n');
    expect(result.out).toContain('| OUTPUT0 | INT32    | [1,16] | 0   | 0 2 4 6 8 10 12 14 … (16) |');
  });

  it('prints JSON, joins files to a batch and asks for one output', async () => {
    const file = join(repository.directory, 'inputs.json');
    writeFileSync(file, JSON.stringify({ INPUT0: ROW, INPUT1: ROW }));
    const result = await cli('infer', 'simple', file, file, url, '--output=OUTPUT1', '--json', '--repeat=3');
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(result.out)).toEqual({
      model_name: 'simple',
      model_version: '1',
      outputs: [{ name: 'OUTPUT1', datatype: 'INT32', shape: [2, 16], data: Array(32).fill(0) }],
      latency_ms: expect.objectContaining({ requests: 3 }),
    });
  });

  it('asks for classes of every output', async () => {
    const result = await cli('infer', 'echo', url, '--input=INPUT0=[3, 1, 2]', '--top=2');
    expect(result.out).toContain(
      '| OUTPUT0 | 0   | 3.000000 | 0     |       |\n| OUTPUT0 | 0   | 2.000000 | 2     |',
    );
  });

  it.each([
    [
      ['simpel', '--input=INPUT0=1'],
      "Request for unknown model: 'simpel' is not found, did you mean 'simple'? The server has: broken, echo, simple",
    ],
    [
      ['simple', '--model-version=7', '--input=INPUT0=1'],
      "Request for unknown model: 'simple' version 7 is not found",
    ],
    [['simple', '--input=INPUT0=[1]'], 'expected 2 inputs but got 1 inputs'],
    [['simple', '--input=NOPE=[1]'], "model 'simple' has no input 'NOPE', it takes INPUT0 INT32 [-1,16]"],
    [['simple'], 'no input was given'],
    [['echo', '--input=INPUT0=nope.npy'], "can't read nope.npy: no such file; it is no JSON either"],
    [['echo', 'nope.npy'], "can't read nope.npy: no such file"],
    [['echo', '--input=INPUT0=["a"]'], '["a"]: "a" (element 0) is no FP32'],
  ])('%j fails in one line', async (argv, text) => {
    const result = await cli('infer', url, ...argv);
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toMatch(/^naiad infer: .*\n$/);
    expect(result.err).toContain(text);
  });
});

describe('models', () => {
  it('lists what the server has', async () => {
    const { code, out } = await cli('models', url);
    expect(code).toBe(0);
    expect(out).toContain(
      '| simple | 1       | onnxruntime_onnx | INPUT0 INT32 [-1,16] | OUTPUT0 INT32 [-1,16] | READY ',
    );
    expect(out).toMatch(/\| broken \| - +\| - +\| - +\| - +\| UNAVAILABLE: .*nonsense/);
  });

  it('lists as JSON', async () => {
    const listed: unknown = JSON.parse((await cli('models', url, '--json')).out);
    expect(listed).toContainEqual(
      expect.objectContaining({
        name: 'echo',
        state: 'READY',
        metadata: expect.objectContaining({ platform: 'identity' }),
      }),
    );
  });

  it('shows a configuration', async () => {
    const { code, out } = await cli('models', 'show', 'echo', url);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      name: 'echo',
      max_batch_size: 8,
      input: [{ name: 'INPUT0', data_type: 'TYPE_FP32', dims: ['-1'] }],
    });

    expect(out).not.toContain('"cc_model_filenames"');
  });

  it('shows a configuration that can be used as config.json', async () => {
    const { out } = await cli('models', 'show', 'echo', url);
    expect(parseConfig('json', out, 'config.json').findings).toEqual([]);
  });

  it('names the models there are when one is not', async () => {
    const { code, err } = await cli('models', 'show', 'nope', url);
    expect(code).toBe(1);
    expect(err).toContain('The server has: broken, echo, simple');
  });
});

describe('health', () => {
  const http = (): string => `--url=${server.httpUrl}`;

  it.each([
    ['gRPC, live', () => [url, '--live'], 0, 'server is live\n'],
    ['HTTP, live', () => [http(), '--live'], 0, 'server is live\n'],
    // One model is broken, readiness is strict.
    ['gRPC, ready', () => [url], 1, 'server is not ready\n'],
    ['HTTP, ready', () => [http()], 1, 'server is not ready\n'],
    ['gRPC, a model', () => [url, '--model=simple'], 0, "model 'simple' is ready\n"],
    ['HTTP, a model', () => [http(), '--model=simple'], 0, "model 'simple' is ready\n"],
    ['gRPC, no such model', () => [url, '--model=nope'], 1, "model 'nope' is not ready\n"],
    ['HTTP, no such model', () => [http(), '--model=nope'], 1, "model 'nope' is not ready\n"],
  ])('%s', async (_case, argv, code, out) => {
    expect(await cli('health', ...argv())).toEqual({ code, out, err: '' });
  });
});

describe('check', () => {
  it('prints all findings with their place', async () => {
    const { code, out } = await cli('check', repository.directory);
    expect(code).toBe(1);
    expect(out).toMatch(/^broken: 1 error\n {2}error: broken\/config\.pbtxt:1: .*nonsense/);
    expect(out).toContain('\nsimple: ok (onnxruntime, version 1)\n');
    expect(out).toMatch(/\n3 models, 1 error, \d+ warnings?\n$/);
  });

  it('prints JSON', async () => {
    const { code, out } = await cli('check', '--json', repository.directory);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      models: expect.arrayContaining([expect.objectContaining({ name: 'echo', ok: true })]),
    });
  });

  it('reads the configurations that a server would', async () => {
    const variants = new TestRepository({
      ...identityModel('echo', identityConfig()),
      'echo/configs/h100.pbtxt': 'nonsense: 2',
    });
    expect(await cli('check', variants.directory)).toMatchObject({ code: 0 });
    const { code, out } = await cli('check', '--model-config-name=h100', variants.directory);
    expect(code).toBe(1);
    expect(out).toMatch(/error: echo\/configs\/h100\.pbtxt:1: .*nonsense/);
    variants.remove();
  });

  it('fails in one line when there is no such repository', async () => {
    const { code, err } = await cli('check', '/no/such/folder');
    expect(code).toBe(1);
    expect(err).toMatch(/^naiad check: .*\/no\/such\/folder.*\n$/);
  });
});

describe('without a server', () => {
  it.each([
    ['infer', 'm', '--url=127.0.0.1:1'],
    ['models', '--url=127.0.0.1:1'],
    ['health', '--url=127.0.0.1:1'],
  ])('%s tells what to do', async (...argv) => {
    expect(await cli(...argv)).toEqual({
      code: 1,
      out: '',
      err: `naiad ${argv[0]}: no server answers at 127.0.0.1:1: start one with 'naiad serve', or give its gRPC address with --url\n`,
    });
  });

  it('health over HTTP says so', async () => {
    const { code, err } = await cli('health', '--url=http://127.0.0.1:1');
    expect({ code, err }).toEqual({ code: 1, err: 'naiad health: no server answers at 127.0.0.1:1\n' });
  });

  it('the wrong port is told apart', async () => {
    const { code, err } = await cli('models', `--url=127.0.0.1:${server.server.httpPort}`);
    expect(code).toBe(1);
    expect(err).toMatch(/^naiad models: what answers at 127\.0\.0\.1:\d+ does not speak gRPC.*8001/);
  });
});
