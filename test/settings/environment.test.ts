import { isAbsolute } from 'node:path';
import { expect, it } from 'vitest';
import { chooseCacheFolder, readEnvironment } from '#naiad/settings/environment.js';

it.each([
  [['/xdg', '/home/u/.cache'], [], '/xdg/naiad'],
  [['', '/home/u/.cache'], [], '/home/u/.cache/naiad'],
  [['relative', '/home/u/.cache'], [], '/home/u/.cache/naiad'],
  [['/xdg', '/home/u/.cache'], ['/xdg'], '/home/u/.cache/naiad'],
  [['', '/.cache'], ['/.cache'], '/tmp/naiad-7'],
  [[''], [], '/tmp/naiad-7'],
])('caches %j of which %j can not be written come to %s', (caches, readOnly, folder) => {
  const chosen = chooseCacheFolder(caches, '/tmp/naiad-7', (cache) => !readOnly.includes(cache));
  expect(chosen).toBe(folder);
});

it('is read from the process', () => {
  expect(isAbsolute(readEnvironment().cacheFolder)).toBe(true);
});
