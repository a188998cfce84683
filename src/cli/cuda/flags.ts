import { capabilityText, GPU_CAPABILITIES } from '../../cuda/gpu.js';
import { choiceFlag, switchFlag, textFlag } from '../../settings/flag.js';

/** The name that says nothing was given. */
export const FOUND_GPU = 'found';

/** Of `naiad cuda`. */
export const CUDA_FLAGS = {
  gpu: choiceFlag({
    name: 'gpu',
    fallback: FOUND_GPU,
    choices: [FOUND_GPU, ...Object.keys(GPU_CAPABILITIES)],
    fallbackText: 'the GPUs of this machine',
    placeholder: 'NAME',
    help: `What it is installed for, where this machine has no GPU yet: ${Object.entries(GPU_CAPABILITIES)
      .map(([name, capability]) => `${name} (${capabilityText(capability)})`)
      .join(', ')}.`,
  }),
  indexUrl: textFlag({
    name: 'index-url',
    fallback: '',
    fallbackText: 'PIP_INDEX_URL, or https://pypi.org/simple',
    placeholder: 'URL',
    help: 'The index that Python packages are taken from, as pip has it.',
  }),
  wheels: textFlag({
    name: 'wheels',
    fallback: '',
    placeholder: 'DIR',
    help: 'A folder with the wheels, for machines without a network; nothing is downloaded.',
  }),
  folder: textFlag({
    name: 'folder',
    fallback: '',
    fallbackText: 'naiad/cuda in $XDG_CACHE_HOME or ~/.cache',
    placeholder: 'DIR',
    help: 'Where the libraries are kept; the users that the server runs as must be able to read it.',
  }),
  json: switchFlag({ name: 'json', help: '`status` writes JSON for programs.' }),
} as const;

/** Of `naiad doctor`. */
export const DOCTOR_FLAGS = {
  json: switchFlag({ name: 'json', help: 'Write what was found, and what it means, as JSON for programs.' }),
} as const;
