import { didYouMean } from '../lib/did-you-mean.js';
import { LIMITS } from '../settings/limits.js';
import { type COLOR_ORDERS, type ImageSpec, RESIZE_KERNELS, RESIZE_MODES, type Rgb } from './image-spec.js';

/** Parameters with this prefix say how pictures become tensors. */
export const IMAGE_PREFIX = 'image.';

/** Names of the settings, without prefix. */
export const IMAGE_SETTINGS = [
  'resize',
  'kernel',
  'color',
  'pad_color',
  'background',
  'mean',
  'std',
  'scale',
  'max_pixels',
  'max_bytes',
  'max_frames',
] as const;

export type ImageSetting = (typeof IMAGE_SETTINGS)[number];

/** The part of a spec that comes from settings rather than from the input itself. */
export type ImageOptions = Omit<ImageSpec, 'height' | 'width' | 'channels' | 'layout' | 'datatype'>;

/** Where settings stand with their values as text. */
export type GivenSettings = ReadonlyMap<ImageSetting, string>;

/** A setting that can't be used, with the reason. */
export interface SettingProblem {
  readonly setting: ImageSetting;
  readonly reason: string;
}

export function isImageSetting(name: string): name is ImageSetting {
  return (IMAGE_SETTINGS as readonly string[]).includes(name);
}

/** Reads the settings of one input; what is wrong is reported and left at its default. */
export function readImageSettings(
  given: GivenSettings,
  { channels, datatype }: Pick<ImageSpec, 'channels' | 'datatype'>,
): { readonly options: ImageOptions; readonly problems: readonly SettingProblem[] } {
  const problems: SettingProblem[] = [];
  const read = <T>(setting: ImageSetting, fallback: T, parse: (text: string) => T | Refusal): T => {
    const text = given.get(setting)?.trim();
    const value = text === undefined ? fallback : parse(text);
    if (!(value instanceof Refusal)) return value;
    problems.push({ setting, reason: `${value.reason}, got '${text}'` });
    return fallback;
  };
  const exact = datatype !== 'UINT8';
  const options: ImageOptions = {
    resize: read('resize', 'stretch', oneOf(RESIZE_MODES)),
    kernel: read('kernel', 'linear', oneOf(RESIZE_KERNELS)),
    color: read('color', channels === 1 ? 'gray' : 'rgb', oneOf(channels === 1 ? GRAY : COLORED)),
    padColor: read('pad_color', BLACK, toRgb),
    background: read('background', BLACK, toRgb),
    mean: read('mean', repeat(0, channels), numbers(channels, exact ? isAny : isZero)),
    std: read('std', repeat(1, channels), numbers(channels, exact ? isNotZero : isOne)),
    scale: read('scale', 1, (text) => firstOf(numbers(1, exact ? isNotZero : isOne)(text))),
    pixelsMax: read('max_pixels', LIMITS.pixelsMax, countTo(LIMITS.pixelsCeiling)),
    bytesMax: read('max_bytes', LIMITS.pictureBytesMax, countTo(LIMITS.pictureBytesCeiling)),
    framesMax: read('max_frames', LIMITS.framesMax, countTo(LIMITS.framesCeiling)),
  };
  return { options, problems };
}

class Refusal {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

const BLACK: Rgb = [0, 0, 0];
const GRAY = ['gray'] as const satisfies readonly (typeof COLOR_ORDERS)[number][];
const COLORED = ['rgb', 'bgr'] as const satisfies readonly (typeof COLOR_ORDERS)[number][];

function oneOf<T extends string>(choices: readonly T[]): (text: string) => T | Refusal {
  return (text) =>
    choices.find((choice) => choice === text) ??
    new Refusal(`must be ${choices.join(', ')}${didYouMean(text, choices)}`);
}

function countTo(ceiling: number): (text: string) => number | Refusal {
  return (text) =>
    /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= ceiling
      ? Number(text)
      : new Refusal(`must be a whole number from 1 to ${ceiling}`);
}

function toRgb(text: string): Rgb | Refusal {
  const digits = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text)?.slice(1);
  const parts = digits?.map((pair) => Number.parseInt(pair, 16)) ?? text.split(',').map(toNumber);
  const [red, green, blue, ...rest] = parts;
  const fits = rest.length === 0 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  if (!fits || red === undefined || green === undefined || blue === undefined) {
    return new Refusal("must be three numbers 'r,g,b' from 0 to 255 or '#rrggbb'");
  }
  return [red, green, blue];
}

interface NumberRule {
  readonly holds: (value: number) => boolean;
  readonly words: string;
}

const isAny: NumberRule = { holds: () => true, words: '' };
const isNotZero: NumberRule = { holds: (value) => value !== 0, words: ', not 0' };
const isZero: NumberRule = {
  holds: (value) => value === 0,
  words: ', all 0, since a UINT8 input takes pixels as they are',
};
const isOne: NumberRule = {
  holds: (value) => value === 1,
  words: ', all 1, since a UINT8 input takes pixels as they are',
};

/** One number for all channels or one for each, between commas. */
function numbers(count: number, rule: NumberRule): (text: string) => readonly number[] | Refusal {
  return (text) => {
    const values = text.split(',').map(toNumber);
    const [first] = values;
    const fits = values.every((value) => Number.isFinite(value) && rule.holds(value));
    if (fits && values.length === count) return values;
    if (fits && values.length === 1 && first !== undefined) return repeat(first, count);
    return new Refusal(
      `must be ${count > 1 ? `1 or ${count} numbers with commas between` : 'a number'}${rule.words}`,
    );
  };
}

function firstOf(values: readonly number[] | Refusal): number | Refusal {
  return values instanceof Refusal ? values : (values[0] ?? 1);
}

function repeat(value: number, count: number): readonly number[] {
  return Array.from({ length: count }, () => value);
}

/** Decimal notation alone: Number() would read '' as 0. */
function toNumber(text: string): number {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : Number.NaN;
}
