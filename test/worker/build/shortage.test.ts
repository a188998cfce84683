import { expect, it } from 'vitest';
import { reasonOf } from '#naiad/onnx/file-io.js';
import { shortageOf } from '#naiad/worker/build/shortage.js';

const failed = (code: string, text: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: ${text}, write`), { code });

it.each([
  [
    'space',
    `can't write the model to '/cache/tmp/1': ${reasonOf(failed('ENOSPC', 'no space left on device'))}`,
  ],
  ['space', failed('ENOSPC', 'no space left on device').message],
  ['space', failed('EDQUOT', 'disk quota exceeded').message],
  ['space', 'SystemError : 28, No space left on device'],
  ['other', 'std::bad_alloc'],
  ['other', 'BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 4096'],
  ['other', failed('EMFILE', 'too many open files').message],
  ['other', failed('EIO', 'i/o error').message],
  [null, "output 'y' has a cosine of 0.5 with the original's, less than 0.99"],
  [null, "there is no folder of samples '/models/radio/space'"],
  [null, ''],
])('what has run out: %s, where it is said: %s', (shortage, reason) => {
  expect(shortageOf(reason)).toBe(shortage);
});
