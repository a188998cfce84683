import { describe, expect, it } from 'vitest';
import { objectName } from '#naiad/shm/object-file.js';

describe('the name of an object', () => {
  it.each([
    ['/region', 'region'],
    ['region', 'region'],
    ['//region', 'region'],
    ['/.hidden', '.hidden'],
    ['/...', '...'],
    ['/with space', 'with space'],
    ['/größe', 'größe'],
  ])('%j is %j', (key, name) => {
    expect(objectName(key)).toBe(name);
  });

  it.each(['', '/', '///', '.', '/.', '..', '/..', '/../etc/passwd', '/a/../b', '/a/', 'a/b', '/a\0', '\0'])(
    '%j is none',
    (key) => {
      expect(objectName(key)).toBe(null);
    },
  );
});
