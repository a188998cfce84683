import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatDiagnosis } from '#naiad/cli/doctor.js';
import { diagnose } from '#naiad/cuda/diagnose.js';
import type { CudaFacts, LibraryFacts, ProviderFacts } from '#naiad/cuda/facts.js';
import { countPciGpus, readKernelDriver } from '#naiad/cuda/find-facts.js';
import type { Gpu } from '#naiad/cuda/gpu.js';
import type { NvmlFacts } from '#naiad/cuda/nvml.js';

const folder = mkdtempSync(join(tmpdir(), 'naiad-diagnose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const gpu = (name: string, capability: number, index = 0): Gpu => ({
  index,
  name,
  uuid: `GPU-${index}`,
  memoryBytes: 16e9,
  capability,
});
const V100 = gpu('Tesla V100-SXM2-16GB', 70);

const driver = (gpus: readonly Gpu[], driverVersion = '570.86.15', cudaVersion = 12080): NvmlFacts => ({
  kind: 'present',
  driverVersion,
  cudaVersion,
  gpus,
  unreadable: [],
});

/** The provider of onnxruntime-gpu 1.26.0, as read from its wheel. */
const CUDA_12: ProviderFacts = {
  kind: 'present',
  managed: true,
  commit: '8c546c37b4',
  gpuCode: { sass: [60, 70, 75, 80, 86, 90], ptx: [90] },
  cudaMajor: 12,
  missingPackages: [],
};
/** The one of 1.30.0. */
const CUDA_13: ProviderFacts = {
  ...CUDA_12,
  commit: 'f2c39fe2f',
  gpuCode: { sass: [75, 80, 86, 89, 90, 120], ptx: [] },
  cudaMajor: 13,
};

const library = (soname: string, rest: Partial<LibraryFacts> = {}): LibraryFacts => ({
  soname,
  origin: 'installed',
  version: null,
  error: '',
  ...rest,
});

/** A machine with a V100 on which everything is right, but for what is given. */
function facts(
  rest: Partial<Omit<CudaFacts, 'system'>> & { readonly system?: Partial<CudaFacts['system']> } = {},
): CudaFacts {
  return {
    onnxruntime: { version: '1.26.0', folder: '/onnxruntime', commit: '8c546c37b4' },
    nvml: driver([V100]),
    provider: CUDA_12,
    libraries: [library('libcudart.so.12'), library('libcudnn.so.9', { version: '9.10.2.21' })],
    ...rest,
    system: {
      platform: 'linux',
      arch: 'x64',
      pciGpus: 1,
      kernelDriver: '570.86.15',
      cudaDriverLibrary: true,
      visibleDevices: null,
      deviceOrder: null,
      ...rest.system,
    },
  };
}

const newest = { version: '1.30.0', folder: '/onnxruntime', commit: 'f2c39fe2f0' };
const none: NvmlFacts = { kind: 'absent' };

describe('GPUs that can be used', () => {
  it.each<[string, CudaFacts, 'sass' | 'ptx']>([
    ['V100', facts(), 'sass'],
    ['T4', facts({ nvml: driver([gpu('T4', 75)]) }), 'sass'],
    ['A100', facts({ nvml: driver([gpu('A100', 80)], '525.60.13', 12000) }), 'sass'],
    ['L4', facts({ nvml: driver([gpu('L4', 89)]) }), 'sass'],
    ['H100', facts({ nvml: driver([gpu('H100', 90)]) }), 'sass'],
    ['H200', facts({ nvml: driver([gpu('H200', 90)]) }), 'sass'],
    ['B200, compiled', facts({ nvml: driver([gpu('B200', 100)]) }), 'ptx'],
    [
      'H200 with 1.30.0',
      facts({
        onnxruntime: newest,
        provider: CUDA_13,
        nvml: driver([gpu('H200', 90)], '580.65.06', 13000),
        libraries: [library('libcudnn.so.9', { version: '9.13.0.50' })],
      }),
      'sass',
    ],
    [
      'one with a newer cuDNN',
      facts({
        nvml: driver([gpu('T4', 75)]),
        libraries: [library('libcudnn.so.9', { version: '9.24.0' })],
      }),
      'sass',
    ],
    ['one among some', facts({ system: { visibleDevices: '0' } }), 'sass'],
  ])('%s', (_, found, code) => {
    const diagnosis = diagnose(found);
    expect(diagnosis).toMatchObject({ reason: '', remedy: '', gpus: [{ code, reason: '' }] });
    expect(diagnosis.usable).toHaveLength(1);
    expect(diagnosis.checks.every(({ ok, remedy }) => ok && remedy === '')).toBe(true);
  });

  it('are told apart from those that can not', () => {
    const diagnosis = diagnose(facts({ nvml: driver([gpu('GTX 980', 52), gpu('T4', 75, 1)]) }));
    expect(diagnosis.usable.map(({ name }) => name)).toEqual(['T4']);
    expect(diagnosis.gpus[0]?.reason).toMatch(/does not support compute capability 5\.2/);
  });
});

describe('GPUs that CUDA sees', () => {
  const gpus = [gpu('V100', 70), gpu('V100', 70, 1), gpu('T4', 75, 2)];
  it.each<[string | null, number[]]>([
    [null, [0, 1, 2]],
    ['2,0', [2, 0]],
    [' 1 ', [1]],
    ['GPU-2,GPU-0', [2, 0]],
    ['GPU-', []],
    ['0,7,1', [0]],
    ['1,1', [1]],
    ['', []],
    ['-1', []],
    ['NoDevFiles', []],
    ['MIG-1', []],
  ])('CUDA_VISIBLE_DEVICES=%s', (visibleDevices, indexes) => {
    const {
      usable,
      gpus: verdicts,
      reason,
    } = diagnose(facts({ nvml: driver(gpus), system: { visibleDevices } }));
    expect(usable.map(({ index }) => index)).toEqual(indexes);
    expect(usable.map(({ deviceId }) => deviceId)).toEqual(indexes.map((_, position) => position));
    expect(verdicts.filter(({ reason: why }) => why === 'hidden by CUDA_VISIBLE_DEVICES')).toHaveLength(
      3 - indexes.length,
    );
    expect(reason === '').toBe(indexes.length > 0);
  });

  it('may be a slice of the only one', () => {
    expect(diagnose(facts({ system: { visibleDevices: 'MIG-1' } })).usable).toMatchObject([{ deviceId: 0 }]);
  });

  it('may have other numbers where they are of several kinds', () => {
    const note = (deviceOrder: string | null) =>
      diagnose(facts({ nvml: driver(gpus), system: { deviceOrder } })).checks.at(-1)?.text;
    expect(note(null)).toContain('CUDA_DEVICE_ORDER=PCI_BUS_ID');
    expect(note('PCI_BUS_ID')).toBe('3 of 3 fit the provider');
  });
});

describe('why none can be used', () => {
  const mends: Readonly<Record<string, RegExp>> = {
    install: /^naiad cuda install$/,
    driver: /^sudo ubuntu-drivers install/,
    container: /docker run --gpus all/,
    none: /^$/,
  };
  it.each<[string, CudaFacts, RegExp, string]>([
    [
      'another system',
      facts({ system: { platform: 'darwin', arch: 'arm64' } }),
      /this is darwin on arm64/,
      'none',
    ],
    [
      'no GPU',
      facts({ nvml: none, system: { pciGpus: 0, kernelDriver: null, cudaDriverLibrary: false } }),
      /no NVIDIA GPU on the PCI/,
      'none',
    ],
    [
      'no driver',
      facts({ nvml: none, system: { kernelDriver: null, cudaDriverLibrary: false } }),
      /there is an NVIDIA GPU, but no driver/,
      'driver',
    ],
    [
      'a container without it',
      facts({ nvml: none, system: { cudaDriverLibrary: false } }),
      /kernel has NVIDIA's driver 570\.86\.15/,
      'container',
    ],
    [
      'an old driver',
      facts({ nvml: driver([V100], '470.256.02', 11040) }),
      /470\.256\.02 is too old: CUDA 12/,
      'driver',
    ],
    [
      'an old driver for CUDA 13',
      facts({ onnxruntime: newest, provider: CUDA_13, nvml: driver([gpu('T4', 75)]) }),
      /too old: CUDA 13 needs 580\.65\.06/,
      'driver',
    ],
    [
      'a container without compute',
      facts({ system: { cudaDriverLibrary: false } }),
      /libcuda\.so\.1/,
      'compute',
    ],
    ['a container without utility', facts({ nvml: none }), /libnvidia-ml/, 'utility'],
    [
      'no provider',
      facts({ provider: { kind: 'absent' }, libraries: [] }),
      /provider is not installed/,
      'install',
    ],
    ['a broken one', facts({ provider: { kind: 'broken', reason: 'gone' } }), /broken: gone/, 'install'],
    [
      'one of another commit',
      facts({ provider: { ...CUDA_12, commit: 'f2c39fe2f' } }),
      /another build: built from commit f2c39fe2f, onnxruntime-node 1\.26\.0 from 8c546c37b4/,
      'install',
    ],
    ['one of unknown commit', facts({ provider: { ...CUDA_12, commit: null } }), /another build/, 'install'],
    [
      'one by hand for CUDA 13',
      facts({ provider: { ...CUDA_13, managed: false, commit: null } }),
      /built for CUDA 13/,
      'remove',
    ],
    [
      'no cuDNN',
      facts({ libraries: [library('libcudnn.so.9', { origin: null, error: 'cannot open' })] }),
      /missing: libcudnn\.so\.9 \(cannot open\)/,
      'install',
    ],
    [
      'half an installation',
      facts({ provider: { ...CUDA_12, missingPackages: ['nvidia-cufft-cu12 1'] } }),
      /not whole: nvidia-cufft-cu12 1/,
      'install',
    ],
    [
      'too new a cuDNN for a V100',
      facts({ libraries: [library('libcudnn.so.9', { version: '9.11.0' })] }),
      /V100.*cuDNN 9\.11\.0 has no code for Volta/,
      'none',
    ],
    [
      'a V100 with 1.30.0',
      facts({ onnxruntime: newest, provider: CUDA_13, nvml: driver([V100], '580.65.06', 13000) }),
      /onnxruntime-node 1\.26\.0 is the last/,
      'none',
    ],
    [
      'no code',
      facts({ provider: { ...CUDA_12, gpuCode: { sass: [80], ptx: [90] } } }),
      /no code for compute capability 7\.0/,
      'none',
    ],
    [
      'a driver that can not compile',
      facts({ nvml: driver([gpu('B200', 100)], '535.1.1', 12020) }),
      /driver for CUDA 12\.8 or newer/,
      'none',
    ],
    ['a driver without GPUs', facts({ nvml: driver([]) }), /shows no GPU to this process/, 'container'],
    ['hidden ones', facts({ system: { visibleDevices: '' } }), /hides every GPU/, 'unset'],
    [
      'a driver that was updated',
      facts({ nvml: { kind: 'failed', reason: 'Driver/library version mismatch' } }),
      /does not work: Driver\/library/,
      'reboot',
    ],
  ])('%s', (_, found, reason, mend) => {
    const diagnosis = diagnose(found);
    expect(diagnosis.usable).toEqual([]);
    expect(diagnosis.reason).toMatch(reason);
    expect(diagnosis.remedy).toMatch(mends[mend] ?? new RegExp(mend));
    const text = formatDiagnosis(diagnosis, Number.POSITIVE_INFINITY);
    expect(text).toContain(`no GPU can be used: ${diagnosis.reason}\n`);
    expect(text).toContain('| NO |');
  });

  it('does not mind a provider by hand whose commit nobody knows', () => {
    expect(diagnose(facts({ provider: { ...CUDA_12, managed: false, commit: null } })).usable).toHaveLength(
      1,
    );
  });
});

it('is told as a table', () => {
  const text = formatDiagnosis(diagnose(facts({ nvml: driver([V100, gpu('A100', 80, 1)]) })), 200);
  expect(text).toMatch(/\| driver +\| ok \| 570\.86\.15, CUDA up to 12\.8 /);
  expect(text).toMatch(
    /\| provider +\| ok \| CUDA 12, commit 8c546c37b4, code for 6\.0, 7\.0, .*compilation for 9\.0/,
  );
  expect(text).toMatch(/\| 0 +\| Tesla V100-SXM2-16GB \| 16000 \| 7\.0 +\| yes +\| no +\| no +\| fits/);
  expect(text).toMatch(/\| 1 +\| A100 +\| 16000 \| 8\.0 +\| yes +\| yes +\| yes +\| fits/);
  expect(text).toContain('can be used: GPU 0 (Tesla V100-SXM2-16GB), GPU 1 (A100)\n');
});

describe('what the kernel tells', () => {
  it('is the version of its driver', () => {
    const read = (text: string): string | null => {
      const path = join(folder, 'version');
      writeFileSync(path, text);
      return readKernelDriver(path);
    };
    const closed =
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: gcc 11.4.0\n';
    expect(read(closed)).toBe('550.54.15');
    expect(read('NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\n')).toBe(
      '580.95.05',
    );
    expect(readKernelDriver(join(folder, 'nowhere'))).toBeNull();
  });

  it('is the GPUs on the bus', () => {
    const devices = { a: ['0x10de', '0x030200'], b: ['0x10de', '0x040300'], c: ['0x8086', '0x030000'] };
    for (const [name, [vendor = '', type = '']] of Object.entries(devices)) {
      mkdirSync(join(folder, 'devices', name), { recursive: true });
      writeFileSync(join(folder, 'devices', name, 'vendor'), `${vendor}\n`);
      writeFileSync(join(folder, 'devices', name, 'class'), `${type}\n`);
    }
    expect(countPciGpus(join(folder, 'devices'))).toBe(1);
    expect(countPciGpus(join(folder, 'nowhere'))).toBe(0);
  });
});
