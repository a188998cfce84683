import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { CommitFinder, sameCommit } from '#naiad/cuda/commit.js';
import { compareVersions, cudaSetFor, refusalOf } from '#naiad/cuda/cuda-set.js';
import { chooseWheel, pageUrl, parseIndexPage } from '#naiad/cuda/package-index.js';
import { parseWheelName, runsOn, type WheelPlatform } from '#naiad/cuda/wheel-name.js';
import { readZipEntries, readZipEntry, ZipError } from '#naiad/cuda/zip.js';
import { zipOf } from '../support/wheel.js';

const folder = mkdtempSync(join(tmpdir(), 'naiad-wheels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const platform = (glibc: string): WheelPlatform => ({ machine: 'x86_64', glibc });
const ORT = 'onnxruntime_gpu-1.26.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl';
const SHA = 'ab'.repeat(32);

describe('names of wheels', () => {
  it('are read', () => {
    expect(parseWheelName(ORT)).toEqual({
      name: 'onnxruntime-gpu',
      version: '1.26.0',
      pythonTags: ['cp312'],
      platformTags: ['manylinux_2_27_x86_64', 'manylinux_2_28_x86_64'],
    });
    expect(parseWheelName('a_b.c-1-7-py3-none-any.whl')).toMatchObject({ name: 'a-b-c', version: '1' });
  });

  it.each([
    'onnxruntime-gpu-1.26.0.tar.gz',
    'a-1-py3-none.whl',
    '../a-1-py3-none-any.whl',
    '-1-py3-none-any.whl',
  ])('may be none: %s', (name) => expect(parseWheelName(name)).toBeNull());

  it.each([
    ['manylinux_2_27_x86_64', '2.27', true],
    ['manylinux_2_27_x86_64', '2.26', false],
    ['manylinux_2_5_x86_64.manylinux1_x86_64', '2.17', true],
    ['manylinux2014_x86_64', '2.17', true],
    ['manylinux2014_x86_64', '2.12', false],
    ['manylinux2014_aarch64', '2.36', false],
    ['win_amd64', '2.36', false],
    ['any', '2.36', false],
  ])('%s on glibc %s: %s', (tags, glibc, runs) => {
    const name = parseWheelName(`a-1-py3-none-${tags}.whl`);
    expect(name !== null && runsOn(name, platform(glibc))).toBe(runs);
  });
});

describe('pages of an index', () => {
  const html = `<a href="../../files/${ORT}#sha256=${SHA}&amp;x=1" data-requires-python="&gt;=3">${ORT}</a>
    <a href='https://elsewhere/a-1-py3-none-any.whl' data-yanked="bad">a-1-py3-none-any.whl</a>
    <a href="javascript:alert(1)">b</a> <a name="c">c</a>`;
  const json = JSON.stringify({
    files: [
      { filename: ORT, url: `../../files/${ORT}`, hashes: { sha256: SHA.toUpperCase() } },
      {
        filename: 'a-1-py3-none-any.whl',
        url: 'https://elsewhere/a-1-py3-none-any.whl',
        yanked: 'bad',
        hashes: {},
      },
      { filename: 'd' },
      null,
    ],
  });

  it.each([
    ['text/html; charset=utf-8', html],
    ['application/vnd.pypi.simple.v1+json', json],
  ])('say the same as %s', (type, text) => {
    expect(parseIndexPage(text, type, 'https://index.example/simple/onnxruntime-gpu/')).toEqual([
      { filename: ORT, url: `https://index.example/files/${ORT}`, sha256: SHA, yanked: false },
      {
        filename: 'a-1-py3-none-any.whl',
        url: 'https://elsewhere/a-1-py3-none-any.whl',
        sha256: null,
        yanked: true,
      },
    ]);
  });

  it('have their place', () => {
    expect(pageUrl('https://index.example/simple/', 'Nvidia_cuDNN.cu12')).toBe(
      'https://index.example/simple/nvidia-cudnn-cu12/',
    );
  });

  it('give the wheel that runs here, whichever Python it is for', () => {
    const file = (filename: string, yanked = false) => ({ filename, url: 'https://x/', sha256: SHA, yanked });
    const files = [
      file('a-1.0-cp314-cp314-manylinux_2_28_x86_64.whl'),
      file('a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl', true),
      file('a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl'),
      file('a-1.0-cp312-cp312-win_amd64.whl'),
      file('a-1.1-cp312-cp312-manylinux_2_28_x86_64.whl'),
      file('a-1.0.tar.gz'),
    ];
    const choose = (version: string, glibc = '2.36') =>
      chooseWheel(files, { name: 'A', version }, platform(glibc))?.filename;
    expect(choose('1.0')).toBe('a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl');
    expect(choose('1.2')).toBeUndefined();
    expect(choose('1.0', '2.17')).toBeUndefined();
  });
});

describe('zip archives', () => {
  const write = (name: string, bytes: Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const content = Buffer.from('words and words and words'.repeat(50_000));

  it('give back what was put in', async () => {
    const path = write(
      'good.zip',
      zipOf([
        { path: 'a/b.so', content },
        { path: 'a/', content: Buffer.alloc(0), stored: true },
        { path: 'c', content: Buffer.from('stored'), stored: true },
        { path: 'empty', content: Buffer.alloc(0), stored: true },
      ]),
    );
    const entries = readZipEntries(path);
    expect(entries.map((entry) => entry.path)).toEqual(['a/b.so', 'c', 'empty']);
    const read = await Promise.all(entries.map((entry) => buffer(readZipEntry(path, entry))));
    expect(read.map((each) => each.byteLength)).toEqual([content.byteLength, 6, 0]);
    expect(read[0]?.equals(content)).toBe(true);
  });

  it.each(['../out', '/out', 'a/../../out', 'a\\..\\out'])('must not lead out: %s', (path) => {
    const zip = write('slip.zip', zipOf([{ path, content: Buffer.from('x') }]));
    expect(() => readZipEntries(zip)).toThrow(ZipError);
  });

  it.each([
    ['another checksum', { crc32: 1 }],
    ['more than it says', { bytes: 100 }],
    ['less than it says', { bytes: content.byteLength + 1 }],
  ])('are damaged with %s', async (_, lie) => {
    const path = write('lie.zip', zipOf([{ path: 'a', content, ...lie }]));
    const [entry] = readZipEntries(path);
    if (entry === undefined) throw new Error('no entry');
    await expect(buffer(readZipEntry(path, entry))).rejects.toThrow(ZipError);
  });

  it('are damaged in the middle', async () => {
    const bytes = zipOf([{ path: 'a', content }]);
    bytes.fill(0xff, 200, 400);
    const path = write('middle.zip', bytes);
    const [entry] = readZipEntries(path);
    if (entry === undefined) throw new Error('no entry');
    await expect(buffer(readZipEntry(path, entry))).rejects.toThrow(ZipError);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('<html>not found</html>'.repeat(10))],
    ['its beginning only', zipOf([{ path: 'a', content }]).subarray(0, -30)],
  ])('are not %s', (_, bytes) => {
    expect(() => readZipEntries(write('none.zip', bytes))).toThrow(ZipError);
  });
});

describe('builds', () => {
  it('tell their commit, wherever the bytes are cut', () => {
    const bytes = Buffer.from(`xx git-commit-id=8c546c37b4\0 ${'z'.repeat(60)}`);
    for (let cut = 0; cut <= bytes.byteLength; cut++) {
      const finder = new CommitFinder();
      finder.push(bytes.subarray(0, cut));
      finder.push(bytes.subarray(cut));
      expect(finder.end()).toBe('8c546c37b4');
    }
    const atEnd = new CommitFinder();
    atEnd.push(Buffer.from('git-commit-id=8c546c3'));
    expect(atEnd.end()).toBe('8c546c3');
    expect(new CommitFinder().end()).toBeNull();
    expect(sameCommit('8c546c37b4', '8c546c3')).toBe(true);
    expect(sameCommit('8c546c37b4', '8c546c4')).toBe(false);
  });

  it('have their set of libraries', () => {
    const versions = (onnxruntime: string) => {
      const set = cudaSetFor(onnxruntime);
      return [set.id, set.packages.find(({ name }) => name.includes('cudnn'))?.version];
    };
    expect(versions('1.26.0')).toEqual(['cuda12', '9.10.2.21']);
    expect(versions('1.27.0')[0]).toBe('cuda13');
    expect(versions('1.30.0')[0]).toBe('cuda13');
    expect(refusalOf(cudaSetFor('1.26.0'), 70, '1.26.0')).toBe('');
    expect(refusalOf(cudaSetFor('1.30.0'), 70, '1.30.0')).toBe(
      'the GPU build of ONNX Runtime 1.30.0 does not support compute capability 7.0; onnxruntime-node 1.26.0 is the last one that does',
    );
    expect(refusalOf(cudaSetFor('1.30.0'), 52, '1.30.0')).toMatch(/capability 5\.2$/);
    expect([compareVersions('525.60.13', '525.60.13'), compareVersions('9.9', '9.10') < 0]).toEqual([
      0,
      true,
    ]);
  });
});
