import { SERVE_FLAGS } from '../settings/serve-flags.js';
import { CACHE_COMMAND } from './cache/command.js';
import { CHECK_FLAGS, HEALTH_FLAGS, INFER_FLAGS, MODELS_FLAGS } from './client-flags.js';
import type { Command } from './command.js';
import { CUDA_COMMAND, DOCTOR_COMMAND } from './cuda/command.js';
import { EVALUATE_FLAGS } from './evaluate/flags.js';
import { QUANTIZE_FLAGS, SETTING_FLAGS } from './quantize/flags.js';

const USAGE_EXIT = 'The command line has mistakes; each is on a line of its own on standard error.';

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'serve',
    summary: 'Serve the models of a repository over gRPC and HTTP.',
    operands: '',
    text: [
      "Flags have the names and defaults of Triton's tritonserver where they mean the same; its other flags are accepted with a warning that tells why they change nothing.",
      'SIGTERM or SIGINT ends the server in good order: it refuses new requests, answers the accepted ones and exits with 0. A second signal ends it at once. When requests still run after --exit-timeout-secs, the process ends itself by that signal.',
    ],
    flags: Object.values(SERVE_FLAGS),
    examples: [
      'naiad serve --model-repository=/models',
      'naiad serve --model-repository=/models --model-control-mode=poll',
      'naiad serve --model-repository=/models --model-control-mode=explicit --load-model=simple',
      'naiad serve --model-repository=/models --http-port=9000 --grpc-port=9001 --log-format=json',
    ],
    exits: {
      0: 'It ended in good order.',
      1: 'It could not start (a port in use, a repository that can not be read), a model failed with --exit-on-error, or it failed while it ran.',
      2: USAGE_EXIT,
    },
    load: async () => (await import('./serve.js')).serve,
  },
  {
    name: 'check',
    summary: 'Find everything that is wrong in model repositories, without serving them.',
    operands: 'DIR...',
    text: [
      'Reads every configuration and loads every model once. All findings are told at once, each with its file and line where it has one: `error: config.pbtxt:2: …`.',
    ],
    flags: Object.values(CHECK_FLAGS),
    examples: ['naiad check /models', 'naiad check --json /models | jq .models'],
    exits: { 0: 'No errors; there may be warnings.', 1: 'At least one error.', 2: USAGE_EXIT },
    load: async () => (await import('./check.js')).check,
  },
  {
    name: 'infer',
    summary: 'Send an inference request to a running server and print the answer.',
    operands: 'MODEL [FILE...]',
    text: [
      "Files go to the model's only input: pictures are sent as they are for the server to decode, .npy and .json files as tensors; several files make a batch. For a model with several inputs name each with --input.",
      "JSON values take the input's datatype; a missing batch dimension is added. A .json file may also hold an object with a value for each input.",
    ],
    flags: Object.values(INFER_FLAGS),
    examples: [
      "naiad infer simple --input INPUT0='[[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]]' --input INPUT1=ones.npy",
      'naiad infer face_emotion a.jpg b.jpg --top 3',
      'naiad infer simple inputs.json --json',
    ],
    exits: {
      0: 'The server answered.',
      1: 'The server can not be reached, or refused the request.',
      2: USAGE_EXIT,
    },
    load: async () => (await import('./infer.js')).infer,
  },
  {
    name: 'evaluate',
    summary: 'Hold a model, or two versions of it, against labelled data.',
    operands: 'MODEL|FILE.onnx',
    text: [
      'Asks a model on a running server, or one in a file, for each item of the data and tells how many it has right: in all, by class, and what is taken for what.',
      'Pictures are decoded as the model is configured to; .npy and .json hold one item each.',
    ],
    flags: Object.values(EVALUATE_FLAGS),
    examples: [
      'naiad evaluate face_emotion --data faces/',
      'naiad evaluate face_emotion --data faces.csv --compare 1 --max-drop 0.01',
      'naiad evaluate model.onnx --data photos/ --labels labels.txt --image scale=0.00392 --json',
    ],
    exits: {
      0: 'All items were asked, and no bound is missed.',
      1: 'The model or the data can not be used, items could not be asked, or --min-accuracy or --max-drop is missed; the figures are told wherever there are some.',
      2: USAGE_EXIT,
    },
    load: async () => (await import('./evaluate/evaluate.js')).evaluate,
  },
  {
    name: 'quantize',
    summary: 'Make the numbers of a model smaller, and compare it with the original.',
    operands: 'FILE.onnx',
    text: [
      "Does what a server does when it loads a model whose configuration asks for it by `quantization.*`: the flags are these settings, and those of the model's configuration count where a flag is not given. The result is a model for any machine.",
      'What misses its bounds is not written: the report tells by how much.',
    ],
    flags: [...SETTING_FLAGS.values(), ...Object.values(QUANTIZE_FLAGS)],
    examples: [
      'naiad quantize model.onnx --mode int8 --calibrate photos/ --image scale=0.00392 --out int8/',
      'naiad quantize model-repository/face_emotion/1/model.onnx --mode int8 --calibrate faces/ --sensitivity',
      'naiad quantize encoder.onnx --mode int8-dynamic --exclude /head/MatMul --min-cosine 0.999 --out int8/ --json',
    ],
    exits: {
      0: 'The quantized model lies in --out, or the sensitivity is told.',
      1: 'The model or the samples can not be used, or it can not be quantized within its bounds; nothing is written.',
      2: USAGE_EXIT,
    },
    load: async () => (await import('./quantize/quantize.js')).quantize,
  },
  {
    name: 'models',
    summary: 'List the models of a running server; show, load, unload or roll back one.',
    operands: '[show|load|unload|rollback|history MODEL]',
    text: [
      '`naiad models show MODEL` prints the configuration in force, completed by the server, as JSON.',
      '`naiad models load MODEL` loads what lies in the repository now, or what --config and --file give instead, and says what came of quantizing it; `unload` returns when the memory has been given back. Both need a server with --model-control-mode=explicit.',
      '`naiad models rollback MODEL` returns to what was served before, also with --model-control-mode=poll. `naiad models history MODEL` prints what happened to a model: when, why, and how long each step took.',
    ],
    flags: Object.values(MODELS_FLAGS),
    examples: [
      'naiad models',
      'naiad models show simple',
      'naiad models load simple',
      'naiad models load simple --config simple.json --file 1/model.onnx=new.onnx',
      'naiad models rollback simple',
      'naiad models history simple',
    ],
    exits: {
      0: 'The server answered, and what was asked for is done.',
      1: 'The server can not be reached, has no such model, or could not do it.',
      2: USAGE_EXIT,
    },
    load: async () => (await import('./models.js')).models,
  },
  CACHE_COMMAND,
  CUDA_COMMAND,
  DOCTOR_COMMAND,
  {
    name: 'health',
    summary: 'Tell by the exit code whether a server, or one of its models, is ready.',
    operands: '',
    text: ['Made for health checks of containers.'],
    flags: Object.values(HEALTH_FLAGS),
    examples: ['naiad health', 'naiad health --url localhost:8001 --model simple'],
    exits: { 0: 'Ready.', 1: 'Not ready, or not reachable.', 2: USAGE_EXIT },
    load: async () => (await import('./health.js')).health,
  },
  {
    name: 'version',
    summary: 'Print the versions of the server and of what it runs on.',
    operands: '',
    text: [],
    flags: [],
    examples: [],
    exits: { 0: 'Always.', 2: USAGE_EXIT },
    load: async () => (await import('./version.js')).version,
  },
];

export const HELP_SUMMARY = 'Show the help of a command.';
