import type { Command } from '../command.js';
import { CUDA_FLAGS, DOCTOR_FLAGS } from './flags.js';

const USAGE_EXIT = 'The command line has mistakes; each is on a line of its own on standard error.';

/** `naiad cuda` as data. */
export const CUDA_COMMAND: Command = {
  name: 'cuda',
  summary: 'Install, show and remove what models need to run on NVIDIA GPUs.',
  operands: '[status|install|remove]',
  text: [
    "`naiad cuda install` takes the CUDA provider that belongs to the installed onnxruntime-node, and NVIDIA's libraries that it runs with, from their Python wheels: about 2 GB for CUDA 12. A machine needs NVIDIA's driver, but neither a CUDA toolkit nor root. It may be broken off and called again: it goes on where it stopped, and only links what is whole.",
    '`naiad cuda status` tells what is installed, `naiad cuda remove` removes all of it. Whether a GPU can be used tells `naiad doctor`.',
  ],
  flags: Object.values(CUDA_FLAGS),
  examples: [
    'naiad cuda install',
    'naiad cuda install --gpu=v100 --folder=/opt/naiad-cuda',
    'naiad cuda install --wheels=/media/usb/wheels',
    'naiad cuda status',
    'naiad cuda remove',
  ],
  exits: {
    0: 'It was done; for `status`: it is installed, whole and linked.',
    1: 'It could not be done, and why; for `status`: it is not installed, not whole or not linked.',
    2: USAGE_EXIT,
  },
  load: async () => (await import('./cuda.js')).cuda,
};

/** `naiad doctor` as data. */
export const DOCTOR_COMMAND: Command = {
  name: 'doctor',
  summary: 'Tell whether models can run on NVIDIA GPUs here, and what is missing.',
  operands: '',
  text: [
    "Looks at the driver, the GPUs, the CUDA provider of ONNX Runtime and the libraries it needs, which it loads. What it tells of a GPU's abilities is known of its generation, not measured; nothing runs on the GPU.",
  ],
  flags: Object.values(DOCTOR_FLAGS),
  examples: ['naiad doctor', 'naiad doctor --json | jq .reason'],
  exits: {
    0: 'At least one GPU can be used.',
    1: 'None can; the last lines tell why, and what mends it.',
    2: USAGE_EXIT,
  },
  load: async () => (await import('../doctor.js')).doctor,
};
