import { sameCommit } from './commit.js';
import { CUDNN_MAX_FOR_VOLTA, type CudaSet, compareVersions, cudaSetFor, refusalOf } from './cuda-set.js';
import type { CudaFacts, LibraryFacts, ProviderFacts } from './facts.js';
import { codeFor } from './fatbin.js';
import { capabilityText, type Gpu } from './gpu.js';
import type { NvmlFacts } from './nvml.js';
import { numbersDiffer, type VisibleGpu, visibleGpus } from './visible-gpus.js';

/** One thing that must be right, from the machine up to the single GPU. */
export interface Check {
  readonly what: 'system' | 'driver' | 'provider' | 'libraries' | 'GPUs';
  readonly ok: boolean;
  readonly text: string;
  /** What mends it: a command, or in words what to do; '' where it is right, or nothing does. */
  readonly remedy: string;
}

export interface GpuVerdict {
  readonly gpu: Gpu;
  /** `sass`: the provider holds its machine code; `ptx`: the driver compiles it at the first use. */
  readonly code: 'sass' | 'ptx' | 'none';
  /** Why it can not be used; '' when it can. */
  readonly reason: string;
}

export interface Diagnosis {
  readonly checks: readonly Check[];
  readonly gpus: readonly GpuVerdict[];
  readonly usable: readonly VisibleGpu[];
  /** Why no GPU can be used: the first check that failed; '' when one can. */
  readonly reason: string;
  /** What mends that. */
  readonly remedy: string;
}

const INSTALL = 'naiad cuda install';
const OLDEST_VOLTA = 70;
const OLDEST_TURING = 75;

/** Judges what was found. Pure. */
export function diagnose(facts: CudaFacts): Diagnosis {
  const set = cudaSetFor(facts.onnxruntime.version);
  const checks = [
    checkSystem(facts),
    checkDriver(facts, set),
    checkProvider(facts.provider, facts.onnxruntime, set),
    checkLibraries(facts.libraries, facts.provider),
  ];
  const broken = checks.find(({ ok }) => !ok);
  const known = facts.nvml.kind === 'present' ? facts.nvml.gpus : [];
  const visible = visibleGpus(known, facts.system.visibleDevices);
  const gpus = known.map((gpu) => judge(gpu, visible, facts, set));
  const fit = visible.filter(({ uuid }) =>
    gpus.some(({ gpu, reason }) => gpu.uuid === uuid && reason === ''),
  );
  const usable = broken === undefined ? fit : [];
  const all = facts.nvml.kind === 'present' ? [...checks, checkGpus(gpus, visible, facts)] : checks;
  const first = usable.length > 0 ? undefined : all.find(({ ok }) => !ok);
  return { checks: all, gpus, usable, reason: first?.text ?? '', remedy: first?.remedy ?? '' };
}

function checkSystem({ system, onnxruntime }: CudaFacts): Check {
  const what = 'system';
  if (system.platform !== 'linux' || system.arch !== 'x64')
    return wrong(what, `GPUs are used on Linux on x64; this is ${system.platform} on ${system.arch}`);
  if (onnxruntime.folder === null)
    return wrong(what, 'onnxruntime-node has no libraries for this platform', 'npm ci');
  return right(
    what,
    `Linux on x64, onnxruntime-node ${onnxruntime.version} (commit ${onnxruntime.commit ?? 'unknown'})`,
  );
}

function checkDriver({ system, nvml }: CudaFacts, set: CudaSet): Check {
  const what = 'driver';
  if (nvml.kind === 'absent') return driverAbsent(system);
  if (nvml.kind === 'failed')
    return wrong(what, `the driver does not work: ${nvml.reason}`, mendDriver(nvml));
  if (compareVersions(nvml.driverVersion, set.driverMin) < 0)
    return wrong(
      what,
      `driver ${nvml.driverVersion} is too old: ${set.id === 'cuda12' ? 'CUDA 12' : 'CUDA 13'} needs ${set.driverMin} or newer`,
      'sudo ubuntu-drivers install --gpgpu, then reboot',
    );
  if (!system.cudaDriverLibrary)
    return wrong(
      what,
      'the driver has no libcuda.so.1 here',
      'give the container the capability compute: NVIDIA_DRIVER_CAPABILITIES=compute,utility',
    );
  return right(what, `${nvml.driverVersion}, CUDA up to ${cudaText(nvml.cudaVersion)}`);
}

function driverAbsent({ cudaDriverLibrary, kernelDriver, pciGpus }: CudaFacts['system']): Check {
  if (cudaDriverLibrary)
    return wrong(
      'driver',
      'the driver has no libnvidia-ml.so.1 here',
      'give the container the capability utility: NVIDIA_DRIVER_CAPABILITIES=compute,utility',
    );
  if (kernelDriver !== null)
    return wrong(
      'driver',
      `the kernel has NVIDIA's driver ${kernelDriver}, but its libraries are not here`,
      'in a container: docker run --gpus all, with the NVIDIA Container Toolkit on the host',
    );
  return pciGpus > 0
    ? wrong(
        'driver',
        `there ${pciGpus === 1 ? 'is an NVIDIA GPU' : `are ${pciGpus} NVIDIA GPUs`}, but no driver`,
        'sudo ubuntu-drivers install --gpgpu, then reboot',
      )
    : wrong('driver', 'no NVIDIA driver, and no NVIDIA GPU on the PCI bus');
}

function mendDriver({ reason }: { readonly reason: string }): string {
  // After an update of the driver the old one stays in the kernel.
  return /version mismatch/i.test(reason) ? 'sudo reboot' : 'nvidia-smi tells more';
}

function checkProvider(
  provider: ProviderFacts,
  { version, commit }: CudaFacts['onnxruntime'],
  set: CudaSet,
): Check {
  const what = 'provider';
  if (provider.kind === 'absent') return wrong(what, 'the CUDA provider is not installed', INSTALL);
  if (provider.kind === 'broken')
    return wrong(what, `the CUDA provider is broken: ${provider.reason}`, INSTALL);
  const { gpuCode, cudaMajor, managed } = provider;
  const unfit = !managed
    ? null
    : provider.commit === null || commit === null || !sameCommit(provider.commit, commit)
      ? `built from commit ${provider.commit ?? 'unknown'}, onnxruntime-node ${version} from ${commit ?? 'unknown'}`
      : null;
  if (unfit !== null) return wrong(what, `the CUDA provider is of another build: ${unfit}`, INSTALL);
  if (cudaMajor !== null && `cuda${cudaMajor}` !== set.id)
    return wrong(
      what,
      `the CUDA provider is built for CUDA ${cudaMajor}, and that of ${version} is for ${set.id === 'cuda12' ? 12 : 13}`,
      managed ? INSTALL : `remove its files beside onnxruntime-node's libraries, then ${INSTALL}`,
    );
  const origin = managed
    ? `commit ${provider.commit}`
    : 'not from naiad cuda install, its build is not known';
  return right(
    what,
    `CUDA ${cudaMajor ?? '?'}, ${origin}, code for ${capabilities(gpuCode.sass)}${gpuCode.ptx.length > 0 ? `, and by compilation for ${capabilityText(Math.min(...gpuCode.ptx))} and later` : ''}`,
  );
}

function checkLibraries(libraries: readonly LibraryFacts[], provider: ProviderFacts): Check {
  const what = 'libraries';
  if (provider.kind !== 'present') return wrong(what, 'unknown as long as there is no provider', INSTALL);
  const lost = libraries.filter(({ error }) => error !== '');
  if (lost.length > 0)
    return wrong(
      what,
      `missing: ${lost.map(({ soname, error }) => `${soname} (${error})`).join(', ')}`,
      provider.managed ? INSTALL : `install them where the loader finds them, or use '${INSTALL}'`,
    );
  if (provider.missingPackages.length > 0)
    return wrong(what, `the installation is not whole: ${provider.missingPackages.join(', ')}`, INSTALL);
  return right(
    what,
    libraries.map(({ soname, version }) => `${soname}${version === null ? '' : ` ${version}`}`).join(', '),
  );
}

function checkGpus(
  gpus: readonly GpuVerdict[],
  visible: readonly VisibleGpu[],
  { nvml, system }: CudaFacts,
): Check {
  const what = 'GPUs';
  const unreadable = nvml.kind === 'present' ? nvml.unreadable : [];
  if (gpus.length === 0)
    return wrong(
      what,
      unreadable.length > 0
        ? `no GPU can be asked: ${unreadable.join('; ')}`
        : 'the driver shows no GPU to this process',
      unreadable.length > 0 ? 'nvidia-smi tells more' : 'in a container: docker run --gpus all',
    );
  if (visible.length === 0)
    return wrong(
      what,
      `CUDA_VISIBLE_DEVICES='${system.visibleDevices}' hides every GPU from this process`,
      'unset CUDA_VISIBLE_DEVICES',
    );
  if (gpus.every(({ reason }) => reason !== '')) {
    const seen = gpus.find(({ gpu }) => visible.some(({ uuid }) => uuid === gpu.uuid));
    return wrong(what, `${seen?.gpu.name}: ${seen?.reason}`);
  }
  const fit = gpus.filter(({ reason }) => reason === '').length;
  const notes = [
    numbersDiffer(
      gpus.map(({ gpu }) => gpu),
      system.deviceOrder,
    )
      ? 'they are of several kinds: with CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA numbers them as here'
      : '',
    ...unreadable,
  ].filter((note) => note !== '');
  return right(what, [`${fit} of ${gpus.length} fit the provider`, ...notes].join('; '));
}

/** Whether this GPU fits provider and libraries; what is wrong with all of them is not told again here. */
function judge(
  gpu: Gpu,
  visible: readonly VisibleGpu[],
  { provider, libraries, nvml, onnxruntime }: CudaFacts,
  set: CudaSet,
): GpuVerdict {
  const refusal = refusalOf(set, gpu.capability, onnxruntime.version);
  if (refusal !== '') return { gpu, code: 'none', reason: refusal };
  if (provider.kind !== 'present') return { gpu, code: 'none', reason: 'no CUDA provider' };
  const code = codeFor(provider.gpuCode, gpu.capability);
  const reason = [
    code === 'none'
      ? `the provider holds no code for compute capability ${capabilityText(gpu.capability)}`
      : '',
    code === 'ptx' ? tooOldToCompile(nvml, set) : '',
    tooNewCudnn(gpu, libraries),
    visible.some(({ uuid }) => uuid === gpu.uuid) ? '' : 'hidden by CUDA_VISIBLE_DEVICES',
  ].find((text) => text !== '');
  return { gpu, code, reason: reason ?? '' };
}

/** Machine code runs with any driver of its CUDA generation; what it compiles must not be newer than itself. */
function tooOldToCompile(nvml: NvmlFacts, set: CudaSet): string {
  return nvml.kind === 'present' && nvml.cudaVersion < set.cudaVersion
    ? `the provider's code must be compiled for it, which needs a driver for CUDA ${cudaText(set.cudaVersion)} or newer`
    : '';
}

function tooNewCudnn({ capability }: Gpu, libraries: readonly LibraryFacts[]): string {
  const cudnn = libraries.find(({ soname }) => soname.startsWith('libcudnn.'))?.version ?? null;
  if (cudnn === null || capability >= OLDEST_TURING) return '';
  const release = cudnn.split('.').slice(0, 3).join('.');
  if (compareVersions(release, CUDNN_MAX_FOR_VOLTA) <= 0) return '';
  const name = capability >= OLDEST_VOLTA ? 'Volta' : 'Pascal';
  return `cuDNN ${release} has no code for ${name}, ${CUDNN_MAX_FOR_VOLTA} is the last that does ('${INSTALL}' brings it)`;
}

function capabilities(sass: readonly number[]): string {
  return sass.length === 0 ? 'no GPU' : sass.map(capabilityText).join(', ');
}

function cudaText(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}

function right(what: Check['what'], text: string): Check {
  return { what, ok: true, text, remedy: '' };
}

function wrong(what: Check['what'], text: string, remedy = ''): Check {
  return { what, ok: false, text, remedy };
}
