import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adder, adderConfig } from '../support/reload-models.js';
import { ReloadServer } from '../support/reload-server.js';

/** How a model can be spoilt by what was put into its folder, and what is said of it. */
const SPOILS: Readonly<
  Record<string, { event: 'failed' | 'rejected'; reason: RegExp; spoil: (folder: string) => void }>
> = {
  'a truncated file': {
    event: 'failed',
    reason: /^Internal: .*Protobuf parsing failed/,
    spoil: (folder) => truncateSync(`${folder}/1/model.onnx`, 5000),
  },
  'a file without a byte': {
    event: 'failed',
    reason: /^Internal: .*model\.onnx/,
    spoil: (folder) => writeFileSync(`${folder}/1/model.onnx`, ''),
  },
  'inputs that are not those of its configuration': {
    event: 'failed',
    reason: /^Invalid argument: .*INPUT0/,
    spoil: (folder) =>
      writeFileSync(`${folder}/config.pbtxt`, adderConfig().replace('dims: [ 64 ]', 'dims: [ 63 ]')),
  },
  'a configuration that is no configuration': {
    event: 'rejected',
    reason: /config\.pbtxt:1/,
    spoil: (folder) => writeFileSync(`${folder}/config.pbtxt`, 'max_batch_size: many'),
  },
  'a configuration that can not be read': {
    event: 'rejected',
    reason: /symbolic link that leads outside the model repository/,
    spoil: (folder) => {
      rmSync(`${folder}/config.pbtxt`);
      symlinkSync('/etc/hostname', `${folder}/config.pbtxt`);
    },
  },
  'a model file that is a folder': {
    event: 'failed',
    reason: /^Internal: failed to stat file .*model\.onnx/,
    spoil: (folder) => {
      rmSync(`${folder}/1/model.onnx`);
      mkdirSync(`${folder}/1/model.onnx`);
    },
  },
};

const model = (spoil: string): string => spoil.replaceAll(' ', '-');

let server: ReloadServer;
beforeAll(async () => {
  const files = Object.keys(SPOILS).map((spoil, index) => ({
    [`${model(spoil)}/1/model.onnx`]: adder(index),
    [`${model(spoil)}/config.pbtxt`]: adderConfig(),
  }));
  server = await ReloadServer.start('poll', Object.assign({}, ...files));
});
afterAll(() => server.stop());

describe.each(Object.entries(SPOILS))('%s', (spoil, { event, reason, spoil: make }) => {
  const name = model(spoil);
  const old = Object.keys(SPOILS).indexOf(spoil);
  const failing =
    event === 'failed'
      ? `naiad_model_load_failing{model="${name}",version="1"}`
      : `naiad_model_rejected{model="${name}"}`;

  it('leaves what was there serving, and says why', async () => {
    const lanes = server.lanes(name);
    await server.log.after(() => make(server.repository.path(name)), { model: name, event });
    expect(await server.answer(name)).toEqual({ version: '1', content: old });
    const rows = await server.index(name);
    expect(rows.find(({ version }) => version === '1')).toMatchObject({ state: 'READY' });
    expect(rows.map((row) => row.reason).join('')).toMatch(reason);
    expect(server.log.messages('error').filter((text) => text.includes(`'${name}'`))).toEqual([
      expect.stringMatching(new RegExp(reason.source.replace('^', ''))),
    ]);
    expect(await server.metric(failing)).toBe(1);
    expect(await server.metric(`naiad_model_ready{model="${name}",version="1"}`)).toBe(1);
    expect((await server.history(name)).at(-1)).toMatchObject({ event, why: expect.stringMatching(reason) });
    expect(server.lanes(name)).toEqual(lanes);
    expect(await server.test.client.call('ServerReady')).toEqual({ ready: true });
  });

  /** Writes the whole model anew. */
  function mend(content: number): void {
    const folder = server.repository.path(name);
    rmSync(`${folder}/config.pbtxt`);
    rmSync(`${folder}/1`, { recursive: true });
    server.repository.write({
      [`${name}/config.pbtxt`]: adderConfig(),
      [`${name}/1/model.onnx`]: adder(content),
    });
  }

  it('is over when what was there is there again', async () => {
    const lanes = server.lanes(name);
    mend(old);
    const rows = [{ name, version: '1', state: 'READY', reason: '' }];
    await expect.poll(() => server.index(name), { timeout: 5000 }).toEqual(rows);
    expect(await server.metric(failing)).toBe(0);
    expect(server.lanes(name)).toEqual(lanes);
  });

  it('does not keep a better one out', async () => {
    await server.log.after(() => mend(old + 100), { model: name, event: 'ready' });
    expect(await server.answer(name)).toEqual({ version: '1', content: old + 100 });
    expect(await server.index(name)).toEqual([{ name, version: '1', state: 'READY', reason: '' }]);
    expect(await server.metric(failing)).toBe(0);
  });
});
