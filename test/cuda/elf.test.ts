import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { bufferSource, withFile } from '#naiad/cuda/byte-source.js';
import { ElfError, readDynamic, readSections } from '#naiad/cuda/elf.js';
import { codeFor, readGpuCode } from '#naiad/cuda/fatbin.js';
import { findOnnxruntime } from '#naiad/cuda/onnxruntime-folder.js';
import { elfLibrary, fatbinOf } from '../support/elf.js';

const folder = mkdtempSync(join(tmpdir(), 'naiad-elf-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const library = elfLibrary({
  soname: 'libone.so.1',
  needed: ['libtwo.so.2', 'libc.so.6'],
  runpath: '$ORIGIN',
  fatbin: fatbinOf(
    [
      { kind: 'sass', architecture: 70 },
      { kind: 'sass', architecture: 90 },
    ],
    [{ kind: 'ptx', architecture: 90 }],
    [{ kind: 'sass', architecture: 60 }],
  ),
});

describe('ELF files', () => {
  it('tells what the loader is told', () => {
    expect(readDynamic(bufferSource(library))).toEqual({
      soname: 'libone.so.1',
      needed: ['libtwo.so.2', 'libc.so.6'],
      runpath: '$ORIGIN',
    });
  });

  it.runIf(process.platform === 'linux')('reads the libraries of this machine', () => {
    const { folder: onnxruntime, commit, version } = findOnnxruntime();
    const dynamic = withFile(join(onnxruntime ?? '', 'libonnxruntime.so.1'), readDynamic);
    expect(dynamic).toMatchObject({ soname: 'libonnxruntime.so.1' });
    expect(dynamic.needed).toContain('libc.so.6');
    expect(commit).toMatch(/^[0-9a-f]{9,}$/);
    if (version === '1.26.0') expect(commit).toBe('8c546c37b4');
  });

  it.each([
    ['text', Buffer.from('#!/bin/sh\n'.repeat(20))],
    ['cut short', library.subarray(0, 300)],
    ['32 bits', Buffer.from(library).fill(1, 4, 5)],
    ['empty', Buffer.alloc(0)],
  ])('refuses what is %s', (_, bytes) => {
    expect(() => readSections(bufferSource(bytes))).toThrow(ElfError);
  });

  it('never fails otherwise, whatever a byte is', () => {
    for (let at = 0; at < library.byteLength; at += 3) {
      const broken = Buffer.from(library);
      broken[at] = (broken[at] ?? 0) ^ 0xff;
      for (const read of [readDynamic, readGpuCode]) {
        try {
          read(bufferSource(broken));
        } catch (error) {
          expect(error, `byte ${at}: ${error}`).toBeInstanceOf(ElfError);
        }
      }
    }
  });
});

describe('GPU code', () => {
  it('is read from a file in pieces', () => {
    const many = fatbinOf(
      ...Array.from({ length: 2000 }, (_, index) => [
        { kind: 'sass' as const, architecture: [60, 70, 75][index % 3] ?? 0 },
      ]),
    );
    const path = join(folder, 'many.so');
    writeFileSync(path, elfLibrary({ fatbin: Buffer.concat([Buffer.alloc(200_000), many]) }));
    expect(withFile(path, readGpuCode)).toEqual({ sass: [60, 70, 75], ptx: [] });
  });

  it('is told apart', () => {
    expect(readGpuCode(bufferSource(library))).toEqual({ sass: [60, 70, 90], ptx: [90] });
    expect(readGpuCode(bufferSource(elfLibrary({})))).toEqual({ sass: [], ptx: [] });
  });

  it.each([
    [70, 'sass'],
    [72, 'sass'],
    [75, 'sass'],
    [80, 'none'],
    [90, 'sass'],
    [100, 'ptx'],
    [120, 'ptx'],
    [52, 'none'],
  ])('reaches capability %i as %s', (capability, how) => {
    expect(codeFor({ sass: [60, 70, 90], ptx: [90] }, capability)).toBe(how);
  });
});

// Loading changes the whole process, so each try has one of its own.
describe.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'libraries that are opened for all',
  () => {
    const first = join(folder, 'hidden');
    const script = (preload: boolean): string => `
    const { openLibrary, openLibraryForAll } = await import(${JSON.stringify(
      fileURLToPath(new URL('../../dist/cuda/shared-library.js', import.meta.url)),
    )});
    ${preload ? `openLibraryForAll(${JSON.stringify(join(first, 'libstandin.so.12'))});` : ''}
    try { openLibrary(${JSON.stringify(join(folder, 'user.so'))}); console.log('loaded'); }
    catch (error) { console.log(error.message); }`;
    const tryIt = (preload: boolean): string =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script(preload)], {
        encoding: 'utf8',
      }).stdout.trim();

    it('are found by those that need them by name', () => {
      mkdirSync(first);
      writeFileSync(join(first, 'libstandin.so.12'), elfLibrary({ soname: 'libstandin.so.12' }));
      writeFileSync(join(folder, 'user.so'), elfLibrary({ soname: 'user.so', needed: ['libstandin.so.12'] }));
      expect(tryIt(false)).toMatch(/libstandin\.so\.12: cannot open shared object file/);
      expect(tryIt(true)).toBe('loaded');
    });
  },
);
