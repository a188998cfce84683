import { resolve } from 'node:path';
import { type CudaSet, cudaSetFor, refusalOf } from '../../cuda/cuda-set.js';
import { DownloadError } from '../../cuda/download.js';
import { GPU_CAPABILITIES } from '../../cuda/gpu.js';
import { type InstallStep, installCuda, type WheelSource, wheelPlatform } from '../../cuda/install.js';
import { InstallError } from '../../cuda/install-error.js';
import { bytesOf, type Installation } from '../../cuda/installation.js';
import { readNvml } from '../../cuda/nvml.js';
import type { OnnxruntimeFolder } from '../../cuda/onnxruntime-folder.js';
import { partIndexUrl } from '../../cuda/package-index.js';
import { ZipError } from '../../cuda/zip.js';
import { systemClock } from '../../lib/clock.js';
import { readCudaEnvironment, readEnvironment } from '../../settings/environment.js';
import type { ParsedFlags } from '../../settings/parse-flags.js';
import { CommandError, EXIT, UsageError } from '../exit-codes.js';
import type { Io } from '../io.js';
import { type Progress, startProgress } from '../progress.js';
import { CUDA_FLAGS, FOUND_GPU } from './flags.js';

const DEFAULT_INDEX = 'https://pypi.org/simple';

/** `naiad cuda install`. Throws CommandError with what stands in the way. */
export async function install(
  flags: ParsedFlags,
  root: string,
  onnxruntime: OnnxruntimeFolder,
  io: Io,
): Promise<number> {
  const source = readSource(flags);
  const platform = wheelPlatform();
  if (platform === null)
    throw new CommandError('the CUDA provider and its libraries exist for Linux on x64 with glibc only');
  const set = cudaSetFor(onnxruntime.version);
  checkGpu(flags.get(CUDA_FLAGS.gpu), set, onnxruntime.version, io);
  const progress = startProgress(io);
  let installation: Installation;
  try {
    const onStep = narrator(io, progress);
    installation = await installCuda({ root, source, onnxruntime, platform, clock: systemClock, onStep });
  } catch (error) {
    progress.end();
    throw isExpected(error) ? new CommandError(error.message, { cause: error }) : error;
  }
  progress.end();
  const size = (bytesOf(installation) / 1e6).toFixed(0);
  io.out(`installed in '${installation.directory}', ${size} MB; 'naiad doctor' tells what works\n`);
  return EXIT.ok;
}

/** Gigabytes are fetched for a GPU that can use them, not by mistake. */
function checkGpu(name: string, set: CudaSet, version: string, io: Io): void {
  if (name !== FOUND_GPU) {
    const refusal = refusalOf(set, GPU_CAPABILITIES[name] ?? 0, version);
    if (refusal !== '') throw new CommandError(refusal);
    return;
  }
  const nvml = readNvml();
  const gpus = nvml.kind === 'present' ? nvml.gpus : [];
  if (gpus.length === 0)
    throw new CommandError(
      "no GPU was found ('naiad doctor' tells why); say which one it is for with --gpu, e.g. --gpu=v100",
    );
  const refusals = gpus.map(({ capability }) => refusalOf(set, capability, version));
  if (refusals.every((refusal) => refusal !== '')) throw new CommandError(refusals[0] ?? '');
  for (const [index, { name: gpu }] of gpus.entries())
    io.err(`${gpu}: ${refusals[index] || `${set.id === 'cuda12' ? 'CUDA 12' : 'CUDA 13'}`}\n`);
}

function readSource(flags: ParsedFlags): WheelSource {
  const { workingDirectory } = readEnvironment();
  const wheels = flags.get(CUDA_FLAGS.wheels);
  const given = flags.get(CUDA_FLAGS.indexUrl);
  if (wheels !== '' && given !== '')
    throw new UsageError('--wheels and --index-url: wheels come from one of them');
  if (wheels !== '') return { kind: 'folder', path: resolve(workingDirectory, wheels) };
  const url = given || readCudaEnvironment().packageIndex || DEFAULT_INDEX;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageError(`--index-url=${url}: an address with http or https is wanted`);
  return { kind: 'index', ...partIndexUrl(url) };
}

/** On a terminal one line that changes; elsewhere, as in a build of a container, a line for each step. */
function narrator(io: Io, progress: Progress): (step: InstallStep) => void {
  let downloading = '';
  const line = (text: string): void => {
    if (!io.errIsTerminal) io.err(`${text}\n`);
  };
  return (step) => {
    const what = `${step.requirement.name} ${step.requirement.version}`;
    switch (step.kind) {
      case 'downloading': {
        const total = step.total === null ? '' : `${megabytes(step.total)} MB`;
        progress.show(`${what}: ${megabytes(step.done)} of ${total || 'unknown'}`);
        if (downloading !== what) line(`${what}: downloading${total === '' ? '' : ` ${total}`}`);
        downloading = what;
        return;
      }
      case 'unpacking':
        progress.show(`${what}: unpacking`);
        return;
      case 'retry':
        progress.show(`${what}: ${step.reason}, trying again`);
        line(`${what}: ${step.reason}, trying again`);
        return;
      case 'kept':
      case 'done':
        line(`${what}: ${step.kind === 'kept' ? 'there already' : 'installed'}`);
    }
  };
}

function isExpected(error: unknown): error is Error {
  return (
    error instanceof InstallError ||
    error instanceof DownloadError ||
    error instanceof ZipError ||
    (error instanceof Error && 'syscall' in error)
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
