import { didYouMean } from '../lib/did-you-mean.js';
import { fromConfigType } from '../tensor/datatype.js';
import {
  IMAGE_PREFIX,
  IMAGE_SETTINGS,
  type ImageSetting,
  isImageSetting,
  readImageSettings,
} from './image-settings.js';
import type { ImageSpec } from './image-spec.js';
import type { ModelConfig, ModelInputMessage } from './message.js';
import { errorAt, type Problem } from './problem.js';

/** Specs of the inputs that take pictures, by name. */
export interface ReadImages {
  readonly images: ReadonlyMap<string, ImageSpec>;
  readonly problems: readonly Problem[];
}

/**
 * Decides which inputs take encoded pictures and how: inputs whose format and dims say that they are
 * pictures, with the settings of `image.<setting>` or, where there are several such inputs,
 * `image.<input>.<setting>` in `parameters {}`.
 */
export function readImages(config: ModelConfig): ReadImages {
  const frames = new Map<string, Frame>();
  for (const input of config.input) {
    const frame = frameOf(input, config.max_batch_size);
    if (typeof frame !== 'string') frames.set(input.name, frame);
  }
  const { given, problems } = assign(config, [...frames.keys()]);
  const images = new Map<string, ImageSpec>();
  for (const [name, frame] of frames) {
    const settings = given.get(name) ?? new Map<ImageSetting, GivenSetting>();
    const texts = new Map([...settings].map(([setting, { text }]) => [setting, text]));
    const { options, problems: refused } = readImageSettings(texts, frame);
    images.set(name, { ...frame, ...options });
    for (const { setting, reason } of refused) {
      const key = settings.get(setting)?.key ?? '';
      problems.push(errorAt(parameter(key), `parameter '${key}' ${reason}`));
    }
  }
  return { images, problems };
}

interface GivenSetting {
  /** The parameter's full name. */
  readonly key: string;
  readonly text: string;
}

/** Hands each `image.*` parameter to the input that it means. */
function assign(
  config: ModelConfig,
  takers: readonly string[],
): { given: Map<string, Map<ImageSetting, GivenSetting>>; problems: Problem[] } {
  const given = new Map<string, Map<ImageSetting, GivenSetting>>();
  const problems: Problem[] = [];
  for (const [key, { string_value: text }] of Object.entries(config.parameters)) {
    if (!key.startsWith(IMAGE_PREFIX)) continue;
    const target = targetOf(key, config, takers);
    if (typeof target === 'string') {
      problems.push(errorAt(parameter(key), `parameter '${key}': ${target}`));
      continue;
    }
    const settings = given.get(target.input) ?? new Map<ImageSetting, GivenSetting>();
    const earlier = settings.get(target.setting);
    if (earlier !== undefined) {
      problems.push(errorAt(parameter(key), `parameters '${earlier.key}' and '${key}' say the same thing`));
    }
    given.set(target.input, settings.set(target.setting, { key, text }));
  }
  return { given, problems };
}

/** The input and setting that a parameter means, or why it means none. */
function targetOf(
  key: string,
  config: ModelConfig,
  takers: readonly string[],
): { readonly input: string; readonly setting: ImageSetting } | string {
  const rest = key.slice(IMAGE_PREFIX.length);
  const dot = rest.lastIndexOf('.');
  const setting = rest.slice(dot + 1);
  if (!isImageSetting(setting)) {
    const suggestion = didYouMean(setting, IMAGE_SETTINGS);
    return `unknown setting '${setting}'${suggestion || ';'} known ones: ${IMAGE_SETTINGS.join(', ')}`;
  }
  const name = dot < 0 ? null : rest.slice(0, dot);
  if (name !== null) {
    const input = config.input.find((candidate) => candidate.name === name);
    if (input === undefined) {
      const names = config.input.map((candidate) => candidate.name);
      return `the model has no input '${name}'${didYouMean(name, names)}`;
    }
    const frame = frameOf(input, config.max_batch_size);
    return typeof frame === 'string'
      ? `input '${name}' can't take pictures: ${frame}`
      : { input: name, setting };
  }
  const [only] = takers;
  if (only !== undefined && takers.length === 1) return { input: only, setting };
  if (only !== undefined) {
    return `several inputs take pictures (${takers.join(', ')}), so name one: 'image.${only}.${setting}'`;
  }
  const reasons = config.input.map((input) => {
    const frame = frameOf(input, config.max_batch_size);
    return `'${input.name}' ${typeof frame === 'string' ? frame : ''}`;
  });
  return `no input takes pictures: ${reasons.join('; ') || 'the configuration lists none'}`;
}

/** What an input's own fields say of its pictures. */
type Frame = Pick<ImageSpec, 'height' | 'width' | 'channels' | 'layout' | 'datatype'>;

/** The frame of an input that takes pictures, or why it takes none. */
function frameOf(input: ModelInputMessage, maxBatchSize: number): Frame | string {
  const { format, dims, reshape } = input;
  if (format === 'FORMAT_NONE') return 'needs format FORMAT_NHWC or FORMAT_NCHW';
  if (reshape !== undefined) return 'has a reshape';
  const rank = maxBatchSize > 0 ? 3 : 4;
  if (dims.length !== rank) {
    const batching =
      maxBatchSize > 0 ? 'with max_batch_size > 0' : 'without max_batch_size, the first for pictures';
    return `needs ${rank} dims ${batching}, has ${dims.length}`;
  }
  const layout = format === 'FORMAT_NHWC' ? 'NHWC' : 'NCHW';
  const [first = 0, second = 0, third = 0] = dims.slice(-3);
  const [height, width, channels] = layout === 'NHWC' ? [first, second, third] : [second, third, first];
  if (height < 1 || width < 1) return 'needs a fixed height and width';
  if (channels !== 1 && channels !== 3) return `needs 1 or 3 channels, has ${channels} as ${format}`;
  const datatype = fromConfigType(input.data_type);
  if (datatype !== 'FP32' && datatype !== 'FP16' && datatype !== 'UINT8') {
    return `needs data_type TYPE_FP32, TYPE_FP16 or TYPE_UINT8, has ${input.data_type}`;
  }
  return { height, width, channels, layout, datatype };
}

function parameter(key: string): readonly string[] {
  return ['parameters', key, 'string_value'];
}
