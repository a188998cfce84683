import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

/** What the figures depend on; nothing that tells whose machine it is. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    int8: int8Instructions(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    onnxruntime: versionOf('onnxruntime-node'),
    sharp: versionOf('sharp'),
    commit: commit(),
  };
}

/** Flags in /proc/cpuinfo of instructions that multiply 8-bit integers and add the products in 32 bits. */
const INT8_FLAGS = ['avx_vnni', 'avx512_vnni', 'amx_int8', 'asimddp', 'i8mm'];

/** Those of the processor; 8-bit kernels gain most by them. */
function int8Instructions() {
  const flags = /^(?:flags|Features)\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  return INT8_FLAGS.filter((flag) => flags.split(' ').includes(flag));
}

/** @param {string} name of a dependency @returns {string} */
function versionOf(name) {
  const path = fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url));
  return JSON.parse(readFileSync(path, 'utf8')).version;
}

/** Of the checkout, with `+` where it had changes of its own. */
function commit() {
  const git = (/** @type {string[]} */ ...words) =>
    execFileSync('git', words, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
    }).trim();
  try {
    const changes = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'package-lock.json');
    return `${git('rev-parse', '--short', 'HEAD')}${changes === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
}
