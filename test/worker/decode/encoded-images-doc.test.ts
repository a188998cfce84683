import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readImages } from '#naiad/model-config/image-parameters.js';
import { IMAGE_SETTINGS } from '#naiad/model-config/image-settings.js';
import { RESIZE_KERNELS, RESIZE_MODES } from '#naiad/model-config/image-spec.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { LIMITS } from '#naiad/settings/limits.js';

const text = readFileSync(resolve(import.meta.dirname, '../../../docs/encoded-images.md'), 'utf8');
const grouped = (count: number): string => count.toLocaleString('en-US');

describe('docs/encoded-images.md', () => {
  it('shows a configuration that works', () => {
    const example = text.split('```\n').find((part) => part.startsWith('name: "resnet50"')) ?? '';
    const { config, findings } = parseConfig('pbtxt', example, 'config.pbtxt');
    expect(findings).toEqual([]);
    const { images, problems } = readImages(config);
    expect(problems).toEqual([]);
    expect(images.get('data')).toMatchObject({
      resize: 'cover',
      width: 224,
      mean: [123.675, 116.28, 103.53],
    });
  });

  it('lists every setting, value and default bound', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('| `image.'));
    expect(rows.map((row) => /`image\.(\w+)`/.exec(row)?.[1]).toSorted()).toEqual(IMAGE_SETTINGS.toSorted());
    for (const value of [...RESIZE_MODES, ...RESIZE_KERNELS]) expect(rows.join()).toContain(`\`${value}\``);
    for (const bound of [LIMITS.pixelsMax, LIMITS.pictureBytesMax, LIMITS.framesMax]) {
      expect(rows.join()).toContain(grouped(bound));
    }
  });

  it('states the bounds of the server', () => {
    expect(text).toContain(`${LIMITS.pictureSecondsMax} s to decode`);
    expect(text).toContain(`${grouped(LIMITS.decodingPicturesMax)} pictures`);
    expect(text).toContain(`${LIMITS.decodingBytesMax >> 20} MB`);
    expect(text).toContain(`${LIMITS.decodedBytesMax / 2 ** 30} GiB of their tensors`);
    expect(text).toContain(`a tensor of ${LIMITS.requestDecodedBytesMax >> 20} MiB`);
    const shown = Math.floor(LIMITS.requestDecodedBytesMax / (224 * 224 * 3 * 4));
    expect(text).toContain(`${grouped(shown)} for 224 × 224 FP32`);
  });
});
