import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cudaSetFor, providerPackage } from '#naiad/cuda/cuda-set.js';
import { download } from '#naiad/cuda/download.js';
import { findFacts } from '#naiad/cuda/find-facts.js';
import { type InstallOptions, type InstallStep, installCuda } from '#naiad/cuda/install.js';
import { linkedInstallation, listInstallations, unlinkProvider } from '#naiad/cuda/installation.js';
import { readOnnxruntime } from '#naiad/cuda/onnxruntime-folder.js';
import { headersFor, partIndexUrl } from '#naiad/cuda/package-index.js';
import { type Clock, systemClock } from '#naiad/lib/clock.js';
import { elfLibrary, fatbinOf } from '../support/elf.js';
import { TestIndex } from '../support/package-index.js';
import { sha256Hex, zipOf } from '../support/wheel.js';

const COMMIT = '8c546c37b4';
const VERSION = '1.26.0';
const SET = cudaSetFor(VERSION);
const TAGS = 'py3-none-manylinux_2_17_x86_64';
const PROVIDER_WHEEL = `onnxruntime_gpu-${VERSION}-cp312-cp312-manylinux_2_28_x86_64.whl`;

let index: TestIndex;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'naiad-cuda-'));
  index = new TestIndex();
  for (const [name, content] of wheels()) index.files.set(name, content);
  await index.start();
});
afterEach(async () => {
  await index.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Wheels with the layout of the real ones, each with a library that can be loaded. */
function wheels(commit = COMMIT): Map<string, Buffer> {
  const sonames: Readonly<Record<string, string>> = {
    'nvidia-cuda-runtime-cu12': 'libcudart.so.12',
    'nvidia-cublas-cu12': 'libcublas.so.12',
    'nvidia-cufft-cu12': 'libcufft.so.11',
  };
  const made = new Map<string, Buffer>();
  for (const { name, version } of SET.packages) {
    const soname = sonames[name] ?? `lib${name.replaceAll('-', '_')}.so.1`;
    const file = `${name.replaceAll('-', '_')}-${version}`;
    made.set(
      `${file}-${TAGS}.whl`,
      zipOf([
        { path: `nvidia/part/lib/${soname}`, content: elfLibrary({ soname }) },
        { path: 'nvidia/part/include/part.h', content: Buffer.from('int part;') },
        { path: 'nvidia/part/lib/libnvblas.so.12', content: elfLibrary({}) },
        { path: `${file}.dist-info/License.txt`, content: Buffer.from('License') },
      ]),
    );
  }
  const provider = elfLibrary({
    needed: ['libcudart.so.12', 'libcublas.so.12', 'libc.so.6'],
    fatbin: fatbinOf([{ kind: 'sass', architecture: 70 }], [{ kind: 'ptx', architecture: 90 }]),
  });
  const shared = elfLibrary({ soname: 'libonnxruntime_providers_shared.so' });
  made.set(
    PROVIDER_WHEEL,
    zipOf([
      { path: 'onnxruntime/capi/libonnxruntime_providers_cuda.so', content: provider },
      { path: 'onnxruntime/capi/libonnxruntime_providers_shared.so', content: shared },
      { path: 'onnxruntime/capi/libonnxruntime_providers_tensorrt.so', content: shared },
      {
        path: `onnxruntime/capi/libonnxruntime.so.${VERSION}`,
        content: Buffer.from(`x git-commit-id=${commit}, y`),
      },
      { path: 'onnxruntime/LICENSE', content: Buffer.from('MIT') },
    ]),
  );
  return made;
}

/** An onnxruntime-node, as far as an installation looks at it. */
function onnxruntimeNode(commit = COMMIT): InstallOptions['onnxruntime'] {
  const libraries = join(folder, 'onnxruntime-node/bin/napi-v6', process.platform, process.arch);
  mkdirSync(libraries, { recursive: true });
  writeFileSync(join(libraries, 'libonnxruntime.so.1'), `git-commit-id=${commit}, build type=Release`);
  return readOnnxruntime(join(folder, 'onnxruntime-node'), { version: VERSION });
}

function install(options: Partial<InstallOptions> = {}) {
  return installCuda({
    root: join(folder, 'cuda'),
    source: { kind: 'index', url: index.url, credentials: null },
    onnxruntime: onnxruntimeNode(),
    platform: { machine: 'x86_64', glibc: '2.31' },
    clock: systemClock,
    firstWaitNs: 1,
    freeBytes: () => Number.POSITIVE_INFINITY,
    ...options,
  });
}

describe('an installation', () => {
  it.each([false, true])('comes from an index (JSON: %s)', async (json) => {
    index.json = json;
    const onnxruntime = onnxruntimeNode();
    const { directory, packages } = await install({ onnxruntime });
    expect(packages.map(({ name, version }) => `${name} ${version}`)).toEqual(
      [...SET.packages, providerPackage(VERSION)].map(({ name, version }) => `${name} ${version}`).toSorted(),
    );
    expect(readdirSync(join(directory, 'lib'))).not.toContain('libnvblas.so.12');
    expect(readdirSync(join(directory, 'lib'))).toHaveLength(SET.packages.length + 2);
    expect(readFileSync(join(directory, 'licenses/nvidia-cudnn-cu12/License.txt'), 'utf8')).toBe('License');
    expect(existsSync(join(directory, 'wheels'))).toBe(false);
    const link = join(onnxruntime.folder ?? '', 'libonnxruntime_providers_cuda.so');
    expect(readlinkSync(link)).toBe(join(directory, 'lib/libonnxruntime_providers_cuda.so'));
    expect(linkedInstallation(onnxruntime.folder ?? '')?.directory).toBe(directory);
  });

  it('is judged by what it is', async () => {
    const onnxruntime = onnxruntimeNode();
    expect(findFacts({ onnxruntime }).provider).toEqual({ kind: 'absent' });
    const { directory } = await install({ onnxruntime });
    const facts = findFacts({ onnxruntime });
    expect(facts.provider).toEqual({
      kind: 'present',
      managed: true,
      commit: COMMIT,
      gpuCode: { sass: [70], ptx: [90] },
      cudaMajor: 12,
      missingPackages: [],
    });
    expect(facts.libraries).toMatchObject([
      { soname: 'libcudart.so.12', origin: 'installed', version: '12.8.90', error: '' },
      { soname: 'libcublas.so.12', origin: 'installed', version: '12.8.4.1', error: '' },
    ]);
    // Without a driver nothing is loaded for nothing.
    const absent = () => ({ kind: 'absent' }) as const;
    expect(findFacts({ onnxruntime, nvml: absent, onlyWithDriver: true }).libraries).toEqual([]);
    rmSync(join(directory, 'lib/libcufft.so.11'));
    expect(findFacts({ onnxruntime }).provider).toMatchObject({
      missingPackages: ['nvidia-cufft-cu12 11.3.3.83'],
    });
    rmSync(join(directory, 'lib/libonnxruntime_providers_cuda.so'));
    expect(findFacts({ onnxruntime }).provider).toMatchObject({ kind: 'broken' });
  });

  it('takes what is there, mends what is not, and comes back after npm has removed the links', async () => {
    const first = await install();
    index.requests.length = 0;
    rmSync(join(first.directory, 'lib/libcufft.so.11'));
    rmSync(join(folder, 'onnxruntime-node'), { recursive: true });
    const steps: InstallStep[] = [];
    await install({ onStep: (step) => steps.push(step) });
    expect(index.requests.filter((request) => request.startsWith('/simple'))).toEqual([
      '/simple/nvidia-cufft-cu12/',
    ]);
    expect(steps.filter(({ kind }) => kind === 'kept')).toHaveLength(SET.packages.length);
    expect(linkedInstallation(onnxruntimeNode().folder ?? '')?.directory).toBe(first.directory);
  });

  it('comes from a folder without a network', async () => {
    const source = { kind: 'folder', path: join(folder, 'wheelhouse') } as const;
    await expect(install({ source })).rejects.toThrow(/can not be read/);
    mkdirSync(source.path);
    await expect(install({ source })).rejects.toThrow(
      /has no wheel of onnxruntime-gpu 1\.26\.0 for Linux on x86_64/,
    );
    for (const [name, content] of index.files) writeFileSync(join(source.path, name), content);
    await install({ source });
    expect(index.requests).toEqual([]);
    // Wheels that somebody else has put there stay.
    expect(readdirSync(source.path)).toHaveLength(index.files.size);
  });

  it('links no provider of another build', async () => {
    const onnxruntime = onnxruntimeNode('f2c39fe2f0');
    await expect(install({ onnxruntime })).rejects.toThrow(
      /built from commit 8c546c37b4, onnxruntime-node from f2c39fe2f0; it was not linked/,
    );
    expect(readdirSync(onnxruntime.folder ?? '')).toEqual(['libonnxruntime.so.1']);
  });

  it('is for one process at a time', async () => {
    const directory = join(folder, 'cuda', `onnxruntime-${VERSION}-cuda12`);
    mkdirSync(directory, { recursive: true });
    const lock = join(directory, 'installing.pid');
    writeFileSync(lock, String(process.ppid));
    await expect(install()).rejects.toThrow(`process ${process.ppid} installs into '${directory}' already`);
    expect(index.requests).toEqual([]);
    // No process can have this number.
    writeFileSync(lock, '999999999');
    await install();
    expect(existsSync(lock)).toBe(false);
  });

  it('comes from an index that wants a password, which nobody else gets', async () => {
    index.password = 'Basic dXNlcjpwQHNz';
    const url = index.url.replace('//', '//user:p%40ss@');
    const parted = partIndexUrl(url);
    expect(parted.url).toBe(index.url);
    await expect(install()).rejects.toThrow(/status 401/);
    await install({ source: { kind: 'index', ...parted } });
    expect(headersFor('https://elsewhere/file.whl', parted.credentials)).toEqual({});
    expect(partIndexUrl('https://pypi.org/simple')).toEqual({
      url: 'https://pypi.org/simple',
      credentials: null,
    });
  });

  it('needs room', async () => {
    await expect(install({ freeBytes: () => 4e9 })).rejects.toThrow(/has 4\.0 GB free, and up to 4\.9 GB/);
    expect(index.requests).toEqual([]);
  });

  it('leaves files alone that somebody else has put there', async () => {
    const onnxruntime = onnxruntimeNode();
    const file = join(onnxruntime.folder ?? '', 'libonnxruntime_providers_cuda.so');
    writeFileSync(file, 'mine');
    await expect(install({ onnxruntime })).rejects.toThrow(/was not linked by 'naiad cuda install'/);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('is removed with its links, and no others', async () => {
    const onnxruntime = onnxruntimeNode();
    const { directory } = await install({ onnxruntime });
    expect(unlinkProvider(onnxruntime.folder ?? '', ['/elsewhere'])).toEqual([]);
    expect(unlinkProvider(onnxruntime.folder ?? '', [directory])).toHaveLength(2);
    expect(listInstallations(join(folder, 'cuda'))).toHaveLength(1);
    expect(listInstallations(join(folder, 'nowhere'))).toEqual([]);
  });

  it('refuses what the index does not vouch for', async () => {
    index.wrongHashes.set(PROVIDER_WHEEL, 'not a hash');
    await expect(install()).rejects.toThrow(/does not tell the sha256/);
    index.wrongHashes.set(PROVIDER_WHEEL, '00'.repeat(32));
    await expect(install()).rejects.toThrow(/has another sha256 than the index tells/);
    expect(readdirSync(join(folder, 'cuda', `onnxruntime-${VERSION}-cuda12`, 'wheels'))).toEqual([]);
    index.files.delete(PROVIDER_WHEEL);
    await expect(install()).rejects.toThrow(/status 404/);
  });
});

describe('a download', () => {
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
  const begin = (name = 'file', sha256 = sha256Hex(content)) => {
    index.files.set(name, content);
    const retries: string[] = [];
    const path = join(folder, name);
    const what = { url: index.fileUrl(name), path, sha256 };
    const run = () =>
      download(what, { clock: systemClock, firstWaitNs: 1, onRetry: (reason) => retries.push(reason) });
    return { run, path, retries };
  };
  const ranges = () => index.requests.map((request) => request.split(' ')[1] ?? '');

  it('goes on where the connection broke', async () => {
    index.faults.set('file', [{ cutAfter: 100_000 }, { status: 503 }, { cutAfter: 50_000 }]);
    const { run, path, retries } = begin();
    await run();
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(retries).toHaveLength(3);
    // What had come when it broke may be less than what was sent, and is never asked for again.
    const starts = ranges().map((range) => Number(/\d+/.exec(range)?.[0] ?? 0));
    expect(starts).toHaveLength(4);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  });

  it('gives up on a server that has fallen silent', async () => {
    const { path, run } = begin();
    const timers = new Set<() => void>();
    const clock: Clock = {
      ...systemClock,
      setTimer(_delayNs, fire) {
        timers.add(fire);
        return { cancel: () => timers.delete(fire) };
      },
    };
    index.onSilence = () => {
      for (const fire of [...timers]) fire();
    };
    index.faults.set('file', [{ silent: true }]);
    const what = { url: index.fileUrl('file'), path, sha256: sha256Hex(content) };
    await expect(download(what, { clock, attemptsMax: 1 })).rejects.toThrow(/no answer/);
    await run();
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it('goes on where another process stopped', async () => {
    const { run, path } = begin();
    writeFileSync(`${path}.part`, content.subarray(0, 200_000));
    await run();
    expect(ranges()).toEqual(['bytes=200000-']);
    expect(readFileSync(path).equals(content)).toBe(true);
    await run();
    expect(index.requests).toHaveLength(1);
  });

  it('takes all of it where the server knows no ranges', async () => {
    index.faults.set('file', [{ ignoresRange: true }]);
    const { run, path } = begin();
    writeFileSync(`${path}.part`, content.subarray(0, 200_000));
    await run();
    expect(readFileSync(path).equals(content)).toBe(true);
  });

  it.each([
    ['other bytes', Buffer.alloc(1000)],
    ['more bytes than there are', Buffer.alloc(400_000)],
  ])('begins anew when there were %s', async (_, before) => {
    const { run, path, retries } = begin();
    writeFileSync(`${path}.part`, before);
    await run();
    expect(readFileSync(path).equals(content)).toBe(true);
    expect(retries).toEqual(['what came has another sha256 than the index tells, starting anew']);
  });

  it('keeps nothing that is wrong', async () => {
    const { run, path } = begin('file', '00'.repeat(32));
    await expect(run()).rejects.toThrow(/another sha256/);
    expect([existsSync(path), existsSync(`${path}.part`)]).toEqual([false, false]);
  });

  it('gives up where nothing helps', async () => {
    index.faults.set(
      'file',
      Array.from({ length: 20 }, () => ({ status: 500 })),
    );
    await expect(begin().run()).rejects.toThrow(/status 500/);
    expect(index.requests).toHaveLength(5);
    index.requests.length = 0;
    index.faults.set('file', [{ status: 403 }]);
    await expect(begin().run()).rejects.toThrow(/status 403/);
    expect(index.requests).toHaveLength(1);
  });
});
