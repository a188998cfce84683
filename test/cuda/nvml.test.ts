import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openNvml, readNvml } from '#naiad/cuda/nvml.js';

const folder = mkdtempSync(join(tmpdir(), 'naiad-nvml-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The driver's library as C declares it, with two GPUs, of which the second has fallen off the bus. */
const SOURCE = `
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory;
static int inits;
int nvmlInit_v2(void) { inits++; return INIT; }
int nvmlShutdown(void) { return --inits == 0 ? 0 : 1; }
int nvmlSystemGetDriverVersion(char *out, unsigned n) { strncpy(out, "550.54.15", n); return 0; }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12040; return 0; }
int nvmlDeviceGetCount_v2(unsigned *out) { *out = 2; return 0; }
static int devices[2];
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **out) { *out = &devices[i]; return i == 0 ? 0 : 15; }
int nvmlDeviceGetName(void *d, char *out, unsigned n) { if (d != &devices[0]) return 2; strncpy(out, "Tesla V100-SXM2-16GB", n); return 0; }
int nvmlDeviceGetUUID(void *d, char *out, unsigned n) { strncpy(out, "GPU-1234", n); return 0; }
int nvmlDeviceGetMemoryInfo(void *d, memory *out) { out->total = 17066885120ull; out->free = 1; out->used = 2; return 0; }
int nvmlDeviceGetCudaComputeCapability(void *d, int *a, int *b) { *a = 7; *b = 0; return 0; }
const char *nvmlErrorString(int s) { return s == 15 ? "GPU is lost" : s == 18 ? "Driver/library version mismatch" : "?"; }
`;

const compiler = spawnSync('cc', ['--version']).status === 0;

function build(name: string, init: number): string {
  const source = join(folder, 'nvml.c');
  const path = join(folder, name);
  writeFileSync(source, SOURCE);
  const made = spawnSync('cc', ['-shared', '-fPIC', `-DINIT=${init}`, '-o', path, source], {
    encoding: 'utf8',
  });
  expect(made.stderr).toBe('');
  return path;
}

describe('the management library', () => {
  it.runIf(compiler)('is asked through C', () => {
    const path = build('libgood.so', 0);
    const told = readNvml(() => openNvml(path));
    expect(told).toEqual({
      kind: 'present',
      driverVersion: '550.54.15',
      cudaVersion: 12040,
      gpus: [
        {
          index: 0,
          name: 'Tesla V100-SXM2-16GB',
          uuid: 'GPU-1234',
          memoryBytes: 17_066_885_120,
          capability: 70,
        },
      ],
      unreadable: ['GPU 1: GPU is lost'],
    });
    expect(readNvml(() => openNvml(path))).toEqual(told);
  });

  it.runIf(compiler)('may not work', () => {
    const path = build('libbad.so', 18);
    expect(readNvml(() => openNvml(path))).toEqual({
      kind: 'failed',
      reason: 'Driver/library version mismatch',
    });
  });

  it('may be another library altogether', () => {
    expect(readNvml(() => openNvml('libc.so.6'))).toMatchObject({ kind: 'failed' });
  });

  it('may not be there', () => {
    expect(readNvml(() => openNvml('libnothing-of-this-name.so.1'))).toEqual({ kind: 'absent' });
  });
});
