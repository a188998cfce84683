import { integerFlag, numberFlag, textFlag } from '../../settings/flag.js';
import { INFER_FLAGS } from '../client-flags.js';
import { MODEL_FILE_FLAGS } from '../model-file-flags.js';

const { url, modelVersion, timeout, json } = INFER_FLAGS;

/** Of `naiad evaluate`. */
export const EVALUATE_FLAGS = {
  data: textFlag({
    name: 'data',
    fallback: '',
    placeholder: 'DIR|CSV',
    help: 'Labelled data: a folder that has a folder for each class with pictures, .npy or .json in it, or a CSV with the columns file and label, its paths relative to it.',
  }),
  compare: textFlag({
    name: 'compare',
    fallback: '',
    placeholder: 'VERSION|FILE',
    help: 'Another version of the model on the server, or a .onnx file, that is asked the same.',
  }),
  labels: textFlag({
    name: 'labels',
    fallback: '',
    fallbackText: "the model's own labels",
    placeholder: 'FILE',
    help: "Names of the classes, one per line in the model's order. Labels of the data are found by them whatever their case and signs; data may be labelled by numbers as well.",
  }),
  output: textFlag({
    name: 'output',
    fallback: '',
    fallbackText: 'the only one that can hold classes',
    placeholder: 'NAME',
    help: 'Output with the scores of the classes, or with a class by its index or name.',
  }),
  limit: integerFlag({
    name: 'limit',
    fallback: 0,
    fallbackText: 'all',
    min: 1,
    max: 10_000_000,
    help: 'Ask for N items only, taken evenly from all.',
  }),
  concurrency: integerFlag({
    name: 'concurrency',
    fallback: 8,
    min: 1,
    max: 1024,
    help: 'Items that are asked at the same time.',
  }),
  minAccuracy: numberFlag({
    name: 'min-accuracy',
    fallback: 0,
    fallbackText: 'none',
    min: 0,
    max: 1,
    placeholder: 'SHARE',
    help: 'Fail when the accuracy is below, e.g. 0.9.',
  }),
  maxDrop: numberFlag({
    name: 'max-drop',
    fallback: 1,
    fallbackText: 'none',
    min: 0,
    max: 1,
    placeholder: 'SHARE',
    help: 'Fail when the accuracy is lower than that of --compare by more, e.g. 0.005.',
  }),
  json,
  url: { ...url, group: 'A model on a server' },
  modelVersion: { ...modelVersion, group: 'A model on a server' },
  timeout: { ...timeout, group: 'A model on a server' },
  ...MODEL_FILE_FLAGS,
} as const;
