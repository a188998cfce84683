import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notePackage } from '#naiad/cuda/installation.js';
import { readNvml } from '#naiad/cuda/nvml.js';
import { usableGpus, whyNoGpu } from '#naiad/cuda/usable-gpus.js';
import { cli } from './run-cli.js';

const hasGpu = readNvml().kind === 'present';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'naiad-cuda-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const cuda = (...argv: string[]) => cli('cuda', ...argv, `--folder=${folder}`);

describe('naiad cuda', () => {
  it('tells what is installed, and removes it', async () => {
    expect(await cuda()).toMatchObject({ code: 1, out: expect.stringContaining('nothing is installed in') });
    const directory = join(folder, 'onnxruntime-1.26.0-cuda12');
    mkdirSync(join(folder, 'something-else'));
    notePackage(directory, {
      name: 'onnxruntime-gpu',
      version: '1.26.0',
      sha256: '',
      files: [],
      commit: '8c',
    });
    const status = await cuda('status');
    expect(status.code).toBe(1);
    expect(status.out).toMatch(/\| onnxruntime-gpu +\| 1\.26\.0 +\| installed \|/);
    expect(status.out).toMatch(/\| nvidia-cudnn-cu1\d +\| [\d.]+ +\| missing +\|/);
    expect(status.out).toContain(`${directory}: 0 MB, not linked\n`);
    expect(JSON.parse((await cuda('status', '--json')).out)).toMatchObject({
      installations: [{ folder: directory, linked: false, packages: [{ name: 'onnxruntime-gpu' }] }],
    });
    expect(await cuda('remove')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`removed '${directory}'`),
    });
    expect([existsSync(directory), existsSync(join(folder, 'something-else'))]).toEqual([false, true]);
    expect((await cuda('remove')).out).toContain('nothing is installed');
  });

  it.skipIf(hasGpu)('fetches gigabytes only for a GPU that is named or there', async () => {
    const { code, err } = await cuda('install', '--index-url=http://127.0.0.1:1/simple');
    expect(code).toBe(1);
    expect(err).toContain('no GPU was found');
    expect(err).toContain('--gpu=v100');
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'tells what stands in the way',
    async () => {
      const unreachable = await cuda('install', '--gpu=h100', '--index-url=http://127.0.0.1:1/simple');
      expect(unreachable).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^naiad cuda: http:\/\/127\.0\.0\.1:1\/simple\/onnxruntime-gpu\/: /),
      });
      expect(await cuda('install', '--gpu=h100', `--wheels=${folder}`)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/has no wheel of onnxruntime-gpu/),
      });
    },
  );

  it('tells of mistakes', async () => {
    expect(await cuda('instal')).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean 'install'"),
    });
    expect(await cuda('install', 'now')).toMatchObject({ code: 2 });
    expect(await cuda('install', '--gpu=v1000')).toMatchObject({
      code: 2,
      err: expect.stringContaining("'v100'"),
    });
    expect(await cuda('install', '--gpu=v100', '--index-url=ftp://x')).toMatchObject({ code: 2 });
    expect(await cuda('install', '--wheels=a', '--index-url=https://x')).toMatchObject({ code: 2 });
  });
});

describe('naiad doctor', () => {
  it('says the same as the server sees', async () => {
    const usable = await usableGpus();
    const { code, out } = await cli('doctor', '--json');
    const told = JSON.parse(out);
    expect(told.usable).toEqual(usable);
    expect(code).toBe(usable.length > 0 ? 0 : 1);
    expect(whyNoGpu()).toContain(told.reason);
    expect(told.facts.onnxruntime.commit).toMatch(/^[0-9a-f]+$/);
    expect((await cli('doctor')).out).toContain('| driver ');
    expect(await cli('doctor', 'please')).toMatchObject({ code: 2 });
  });
});
