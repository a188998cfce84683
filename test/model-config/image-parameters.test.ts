import { describe, expect, it } from 'vitest';
import { readImages } from '#naiad/model-config/image-parameters.js';
import type { ModelInputMessage } from '#naiad/model-config/message.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { aConfig, anInput, parameters, problemLines } from './builders.js';

const nhwc = (overrides: Partial<ModelInputMessage> = {}): ModelInputMessage =>
  anInput({ name: 'image', format: 'FORMAT_NHWC', dims: [8, 9, 3], ...overrides });

function read(inputs: readonly ModelInputMessage[], values: Readonly<Record<string, string>> = {}, max = 8) {
  const config = aConfig({ input: [...inputs], parameters: parameters(values), max_batch_size: max });
  const { images, problems } = readImages(config);
  return { images, problems: problemLines(problems) };
}

describe('inputs that take pictures', () => {
  it('have defaults for all settings', () => {
    const { images, problems } = read([nhwc()]);
    expect(problems).toEqual([]);
    expect(images.get('image')).toEqual({
      height: 8,
      width: 9,
      channels: 3,
      layout: 'NHWC',
      datatype: 'FP32',
      resize: 'stretch',
      kernel: 'linear',
      color: 'rgb',
      padColor: [0, 0, 0],
      background: [0, 0, 0],
      mean: [0, 0, 0],
      std: [1, 1, 1],
      scale: 1,
      pixelsMax: LIMITS.pixelsMax,
      bytesMax: LIMITS.pictureBytesMax,
      framesMax: LIMITS.framesMax,
    });
  });

  it.each<[string, Partial<ModelInputMessage>, number, object]>([
    ['FORMAT_NCHW', { format: 'FORMAT_NCHW', dims: [3, 8, 9] }, 8, { layout: 'NCHW', height: 8, width: 9 }],
    ['one channel', { dims: [8, 9, 1] }, 8, { channels: 1, color: 'gray', mean: [0], std: [1] }],
    ['FP16', { data_type: 'TYPE_FP16' }, 8, { datatype: 'FP16' }],
    ['UINT8', { data_type: 'TYPE_UINT8' }, 8, { datatype: 'UINT8' }],
    ['a batch dimension by hand', { dims: [-1, 8, 9, 3] }, 0, { height: 8, width: 9, channels: 3 }],
    ['one picture', { format: 'FORMAT_NCHW', dims: [1, 3, 8, 9] }, 0, { height: 8, width: 9, channels: 3 }],
  ])('may have %s', (_, overrides, max, expected) => {
    const { images, problems } = read([nhwc(overrides)], {}, max);
    expect(problems).toEqual([]);
    expect(images.get('image')).toMatchObject(expected);
  });

  it.each<[string, Partial<ModelInputMessage>, number, string]>([
    ['no format', { format: 'FORMAT_NONE' }, 8, 'needs format FORMAT_NHWC or FORMAT_NCHW'],
    ['a variable width', { dims: [8, -1, 3] }, 8, 'needs a fixed height and width'],
    ['four channels', { dims: [8, 9, 4] }, 8, 'needs 1 or 3 channels, has 4 as FORMAT_NHWC'],
    [
      'another type',
      { data_type: 'TYPE_INT32' },
      8,
      'needs data_type TYPE_FP32, TYPE_FP16 or TYPE_UINT8, has TYPE_INT32',
    ],
    ['a reshape', { reshape: { shape: [216] } }, 8, 'has a reshape'],
    ['other dims', { dims: [72, 3] }, 8, 'needs 3 dims with max_batch_size > 0, has 2'],
    ['no batch at all', {}, 0, 'needs 4 dims without max_batch_size, the first for pictures, has 3'],
  ])('may not have %s', (_, overrides, max, reason) => {
    expect(read([nhwc(overrides)], {}, max)).toEqual({ images: new Map(), problems: [] });
    expect(read([nhwc(overrides)], { 'image.resize': 'cover' }, max).problems).toEqual([
      `error parameters.image.resize.string_value: parameter 'image.resize': no input takes pictures: 'image' ${reason}`,
    ]);
    expect(read([nhwc(overrides)], { 'image.image.resize': 'cover' }, max).problems).toEqual([
      `error parameters.image.image.resize.string_value: parameter 'image.image.resize': input 'image' can't take pictures: ${reason}`,
    ]);
  });
});

describe('image settings', () => {
  it.each<[string, string, object]>([
    ['image.resize', 'contain', { resize: 'contain' }],
    ['image.resize', ' cover ', { resize: 'cover' }],
    ['image.kernel', 'lanczos3', { kernel: 'lanczos3' }],
    ['image.color', 'bgr', { color: 'bgr' }],
    ['image.pad_color', '1, 2,255', { padColor: [1, 2, 255] }],
    ['image.pad_color', '#0aFF10', { padColor: [10, 255, 16] }],
    ['image.background', '#ffffff', { background: [255, 255, 255] }],
    ['image.mean', '127.5', { mean: [127.5, 127.5, 127.5] }],
    ['image.mean', '123.675, 116.28,103.53', { mean: [123.675, 116.28, 103.53] }],
    ['image.std', '-1e-2', { std: [-0.01, -0.01, -0.01] }],
    ['image.scale', '0.00392', { scale: 0.00392 }],
    ['image.max_pixels', '100', { pixelsMax: 100 }],
    ['image.max_pixels', '100000000', { pixelsMax: 100_000_000 }],
    ['image.max_bytes', '1000', { bytesMax: 1000 }],
    ['image.max_frames', '1', { framesMax: 1 }],
  ])('%s = %j', (key, value, expected) => {
    const { images, problems } = read([nhwc()], { [key]: value });
    expect(problems).toEqual([]);
    expect(images.get('image')).toMatchObject(expected);
  });

  it.each([
    ['image.resize', 'contian', "must be stretch, cover, contain, did you mean 'contain'?, got 'contian'"],
    ['image.kernel', '', "must be nearest, linear, cubic, mitchell, lanczos2, lanczos3, got ''"],
    ['image.color', 'gray', "must be rgb, bgr, got 'gray'"],
    ['image.pad_color', '1,2', "must be three numbers 'r,g,b' from 0 to 255 or '#rrggbb', got '1,2'"],
    ['image.pad_color', '1,2,256', "must be three numbers 'r,g,b' from 0 to 255 or '#rrggbb', got '1,2,256'"],
    ['image.background', '#fff', "must be three numbers 'r,g,b' from 0 to 255 or '#rrggbb', got '#fff'"],
    ['image.mean', '1,2', "must be 1 or 3 numbers with commas between, got '1,2'"],
    ['image.mean', '', "must be 1 or 3 numbers with commas between, got ''"],
    ['image.mean', 'NaN', "must be 1 or 3 numbers with commas between, got 'NaN'"],
    ['image.std', '1,0,1', "must be 1 or 3 numbers with commas between, not 0, got '1,0,1'"],
    ['image.scale', '1,2,3', "must be a number, not 0, got '1,2,3'"],
    ['image.scale', '0', "must be a number, not 0, got '0'"],
    ['image.max_pixels', '0', `must be a whole number from 1 to ${LIMITS.pixelsCeiling}, got '0'`],
    ['image.max_pixels', '1e12', `must be a whole number from 1 to ${LIMITS.pixelsCeiling}, got '1e12'`],
    [
      'image.max_bytes',
      '9999999999',
      `must be a whole number from 1 to ${LIMITS.pictureBytesCeiling}, got '9999999999'`,
    ],
    ['image.max_frames', '-1', `must be a whole number from 1 to ${LIMITS.framesCeiling}, got '-1'`],
  ])('refuse %s = %j', (key, value, reason) => {
    expect(read([nhwc()], { [key]: value }).problems).toEqual([
      `error parameters.${key}.string_value: parameter '${key}' ${reason}`,
    ]);
  });

  it('leave the pixels of a UINT8 input as they are', () => {
    const bytes = nhwc({ data_type: 'TYPE_UINT8' });
    expect(read([bytes], { 'image.mean': '0', 'image.std': '1,1,1', 'image.scale': '1.0' }).problems).toEqual(
      [],
    );
    const { problems } = read([bytes], { 'image.mean': '1', 'image.std': '2', 'image.scale': '0.5' });
    expect(problems).toHaveLength(3);
    expect(problems[0]).toContain('since a UINT8 input takes pixels as they are');
  });

  it('take gray alone for one channel', () => {
    const gray = nhwc({ dims: [8, 9, 1] });
    expect(read([gray], { 'image.color': 'gray', 'image.mean': '5' }).images.get('image')?.mean).toEqual([5]);
    expect(read([gray], { 'image.color': 'rgb' }).problems).toHaveLength(1);
    expect(read([gray], { 'image.mean': '1,2,3' }).problems).toHaveLength(1);
  });
});

describe('image parameters of several inputs', () => {
  const inputs = [nhwc({ name: 'left' }), nhwc({ name: 'net/right.0' }), anInput({ name: 'size' })];

  it('name their input, which may have dots', () => {
    const { images, problems } = read(inputs, {
      'image.left.resize': 'cover',
      'image.net/right.0.resize': 'contain',
    });
    expect(problems).toEqual([]);
    expect([...images].map(([name, { resize }]) => [name, resize])).toEqual([
      ['left', 'cover'],
      ['net/right.0', 'contain'],
    ]);
  });

  it.each([
    ['image.resize', "several inputs take pictures (left, net/right.0), so name one: 'image.left.resize'"],
    ['image.lefft.resize', "the model has no input 'lefft', did you mean 'left'?"],
    ['image.size.resize', "input 'size' can't take pictures: needs format FORMAT_NHWC or FORMAT_NCHW"],
    [
      'image.left.resise',
      "unknown setting 'resise', did you mean 'resize'? known ones: resize, kernel, color, pad_color, background, mean, std, scale, max_pixels, max_bytes, max_frames",
    ],
    [
      'image.',
      "unknown setting ''; known ones: resize, kernel, color, pad_color, background, mean, std, scale, max_pixels, max_bytes, max_frames",
    ],
  ])('refuse %s', (key, reason) => {
    expect(read(inputs, { [key]: 'cover' }).problems).toEqual([
      `error parameters.${key}.string_value: parameter '${key}': ${reason}`,
    ]);
  });

  it('may name the only one as well, but not twice', () => {
    const { images } = read([nhwc()], { 'image.image.mean': '2' });
    expect(images.get('image')?.mean).toEqual([2, 2, 2]);
    expect(read([nhwc()], { 'image.mean': '1', 'image.image.mean': '2' }).problems).toEqual([
      "error parameters.image.image.mean.string_value: parameters 'image.mean' and 'image.image.mean' say the same thing",
    ]);
  });
});
