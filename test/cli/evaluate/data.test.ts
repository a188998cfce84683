import { afterAll, describe, expect, it } from 'vitest';
import { ClassNames, classesOf } from '#naiad/cli/evaluate/classes.js';
import { parseCsv } from '#naiad/cli/evaluate/csv.js';
import { readLabelledSet, thinned } from '#naiad/cli/evaluate/labelled-set.js';
import { TestRepository } from '../../support/repository.js';

const folder = new TestRepository({
  'pictures/cat/b.png': '',
  'pictures/cat/a.JPG': '',
  'pictures/cat/more/c.npy': '',
  'pictures/cat/.DS_Store': '',
  'pictures/cat/notes.txt': '',
  'pictures/dog/d.webp': '',
  'pictures/.hidden/e.png': '',
  'pictures/readme.md': '',
  'headed.csv': 'label,file\ncat,"pictures/cat/b.png"\r\n\r\ndog, pictures/dog/d.webp \n',
  'bare.csv': 'pictures/cat/b.png,cat\n/elsewhere/x.png,dog',
  'long.csv': `file,label\n${'pictures/with/a/name/of/some/length/b.png,cat\n'.repeat(30_000)}`,
  'broken.csv': 'file,label\na.png,cat\n\nb.png\n',
  'flat/a.png': '',
});
afterAll(() => folder.remove());

describe('labelled data', () => {
  it('may be a list of a megabyte and more', async () => {
    const { items } = await readLabelledSet(folder.path('long.csv'));
    expect(items).toHaveLength(30_000);
  });

  it('of folders has a class for each, in an order that stays', async () => {
    const set = await readLabelledSet(folder.path('pictures'));
    expect(set).toEqual({
      items: [
        { path: folder.path('pictures/cat/a.JPG'), label: 'cat' },
        { path: folder.path('pictures/cat/b.png'), label: 'cat' },
        { path: folder.path('pictures/cat/more/c.npy'), label: 'cat' },
        { path: folder.path('pictures/dog/d.webp'), label: 'dog' },
      ],
      labels: ['cat', 'dog'],
      ignored: 1,
    });
  });

  it('of a list has its columns by name, or in the usual order', async () => {
    const items = [
      { path: folder.path('pictures/cat/b.png'), label: 'cat' },
      { path: folder.path('pictures/dog/d.webp'), label: 'dog' },
    ];
    expect((await readLabelledSet(folder.path('headed.csv'))).items).toEqual(items);
    expect((await readLabelledSet(folder.path('bare.csv'))).items).toEqual([
      items[0],
      { path: '/elsewhere/x.png', label: 'dog' },
    ]);
  });

  it.each([
    ['broken.csv', /broken\.csv:4: expected file,label$/],
    ['flat', /holds no labelled files: expected a folder for each class/],
    ['none', /^can't read .*none: no such file or folder$/],
  ])('%s is refused with the reason', async (name, reason) => {
    await expect(readLabelledSet(folder.path(name))).rejects.toThrow(reason);
  });

  it('is thinned evenly', () => {
    const items = Array.from({ length: 10 }, (_, index) => ({ path: String(index), label: '' }));
    expect(thinned(items, 3).map(({ path }) => path)).toEqual(['1', '5', '8']);
    expect(thinned(items, 99)).toBe(items);
  });
});

it('comma-separated values may be quoted', () => {
  const rows = parseCsv('a,"b ""q"", c"\n"two\nlines",x\r\n,\n\nlast,"y"');
  expect(rows).toEqual([
    { cells: ['a', 'b "q", c'], line: 1 },
    { cells: ['two\nlines', 'x'], line: 2 },
    { cells: ['', ''], line: 4 },
    { cells: [''], line: 5 },
    { cells: ['last', 'y'], line: 6 },
  ]);
  expect(parseCsv('odd"quote,x\nb,c')).toEqual([
    { cells: ['odd"quote,x'], line: 1 },
    { cells: ['b', 'c'], line: 2 },
  ]);
  expect(parseCsv('')).toEqual([]);
  // A quote that nobody has closed takes in all that follows.
  const [all] = parseCsv(`"${'a,'.repeat(6_000_000)}"`);
  expect(all?.cells[0]?.length).toBe(12_000_000);
});

describe('classes', () => {
  const names = new ClassNames(['T-shirt/top', 'Ankle boot', 'a b', 'A.B', '']);

  it('are found by name, whatever the case and signs', () => {
    expect(names.indexOf('t_shirt_top')).toBe(0);
    expect(names.indexOf('ankle-boot')).toBe(1);
    expect(names.indexOf('boot')).toBeNull();
  });

  it('that differ in signs only are found by their exact names', () => {
    expect(names.indexOf('a b')).toBe(2);
    expect(names.indexOf('A.B')).toBe(3);
    expect(names.indexOf('ab')).toBeNull();
  });

  it('without a name are called by their index', () => {
    expect([0, 4, 9].map((index) => names.nameOf(index))).toEqual(['T-shirt/top', '4', '9']);
  });

  it('of the data may be numbers, unless the model has such names', () => {
    expect([...classesOf(['0', '7'], names)]).toEqual([
      ['0', 0],
      ['7', 7],
    ]);
    expect([...classesOf(['7', '0'], new ClassNames(['7', '0']))]).toEqual([
      ['7', 0],
      ['0', 1],
    ]);
  });

  it('that can not be told are named', () => {
    expect(() => classesOf(['T-shirt/top', 'ankle boat'], names)).toThrow(
      "the model has no class 'ankle boat', did you mean 'Ankle boot'?; --labels names a file with a line for each class",
    );
    expect(() => classesOf(['cat'], new ClassNames([]))).toThrow(
      "the model does not name its classes, so 'cat' can't be told",
    );
  });
});
