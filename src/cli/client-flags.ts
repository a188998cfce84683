import { integerFlag, numberFlag, switchFlag, textFlag } from '../settings/flag.js';
import { CONFIG_NAME_FLAG } from '../settings/repository-flags.js';

const SECONDS = { min: 0.001, max: 86_400, placeholder: 'SECS' } as const;

const url = textFlag({
  name: 'url',
  fallback: 'localhost:8001',
  placeholder: 'HOST:PORT',
  help: 'gRPC address of the server.',
});

const json = switchFlag({ name: 'json', help: 'Write JSON for programs.' });

const timeout = numberFlag({
  name: 'timeout',
  fallback: 10,
  ...SECONDS,
  help: 'How long to wait for an answer.',
});

const header = textFlag({
  name: 'header',
  repeatable: true,
  fallback: '',
  placeholder: 'NAME=VALUE',
  help: 'A header to send, as restricted APIs need one.',
});

export const MODELS_FLAGS = {
  url,
  header,
  timeout: {
    ...timeout,
    fallbackText: '10, and no limit for load, unload and rollback, which may take minutes',
  },
  json,
  modelVersion: textFlag({
    name: 'model-version',
    fallback: '',
    fallbackText: 'the latest',
    placeholder: 'VERSION',
    help: 'Version whose configuration `show` prints.',
  }),
  config: textFlag({
    name: 'config',
    fallback: '',
    fallbackText: 'the one in the repository',
    placeholder: 'FILE',
    help: 'Configuration to `load` the model with, as JSON: what `show --json` prints, or parts of it. It stands in for all of the one in the repository: what it leaves out is taken from the model. The next load without it goes back.',
  }),
  file: textFlag({
    name: 'file',
    repeatable: true,
    fallback: '',
    fallbackText: 'the files in the repository',
    placeholder: 'PATH=FILE',
    help: "A file to `load` the model with, e.g. 1/model.onnx=new.onnx. Those given replace the model's whole folder, hence --config is needed, too.",
  }),
} as const;

export const HEALTH_FLAGS = {
  url: textFlag({
    name: 'url',
    fallback: '',
    fallbackText: 'HTTP at localhost:8000, and gRPC at localhost:8001 when nothing listens there',
    placeholder: 'URL',
    help: 'Server to ask: http://HOST:PORT for HTTP, HOST:PORT for gRPC.',
  }),
  header,
  live: switchFlag({ name: 'live', help: 'Ask whether the server lives, not whether it is ready.' }),
  model: textFlag({
    name: 'model',
    fallback: '',
    placeholder: 'NAME',
    help: 'Ask whether this model is ready.',
  }),
  timeout: numberFlag({
    name: 'timeout',
    fallback: 3,
    ...SECONDS,
    help: 'How long to wait for an answer.',
  }),
} as const;

export const INFER_FLAGS = {
  url,
  header,
  modelVersion: textFlag({
    name: 'model-version',
    fallback: '',
    fallbackText: 'the latest',
    placeholder: 'VERSION',
    help: 'Version of the model.',
  }),
  input: textFlag({
    name: 'input',
    repeatable: true,
    fallback: '',
    placeholder: 'NAME=VALUE',
    help: 'An input: JSON, or a file (a picture, .npy, .json; any file for an input of BYTES). Given again for the same name it adds to the batch.',
  }),
  output: textFlag({
    name: 'output',
    repeatable: true,
    fallback: '',
    fallbackText: 'all outputs',
    placeholder: 'NAME',
    help: 'An output to ask for.',
  }),
  top: integerFlag({
    name: 'top',
    fallback: 0,
    fallbackText: '',
    min: 1,
    max: 1_000_000,
    placeholder: 'K',
    help: 'Ask for the K best classes of each output instead of its tensor.',
  }),
  repeat: integerFlag({
    name: 'repeat',
    fallback: 1,
    min: 1,
    max: 1_000_000_000,
    help: 'Send the request N times, one after the other, and tell the latencies.',
  }),
  timeout: numberFlag({
    name: 'timeout',
    fallback: 60,
    ...SECONDS,
    help: 'How long to wait for each answer.',
  }),
  json,
} as const;

export const CHECK_FLAGS = {
  json,
  disableAutoComplete: switchFlag({
    name: 'disable-auto-complete-config',
    help: 'Check as `naiad serve` with the same flag would: every config.pbtxt must be complete.',
  }),
  configName: { ...CONFIG_NAME_FLAG, group: '' },
} as const;
