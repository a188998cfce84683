import { expect, it } from 'vitest';
import { formatTable } from '#naiad/cli/table.js';

it("draws a table in Triton's look", () => {
  expect(
    formatTable(
      ['Model', 'Version'],
      [
        ['simple', '1'],
        ['größer', '12345678'],
      ],
    ),
  ).toBe(
    [
      '+--------+----------+',
      '| Model  | Version  |',
      '+--------+----------+',
      '| simple | 1        |',
      '| größer | 12345678 |',
      '+--------+----------+',
      '',
    ].join('\n'),
  );
});

it('draws the head alone when there are no rows', () => {
  expect(formatTable(['A'], [])).toBe('+---+\n| A |\n+---+\n+---+\n');
});

it('gives a cell with several lines as many', () => {
  expect(formatTable(['A', 'B'], [['x', '1\n2']])).toContain('| x | 1 |\n|   | 2 |\n');
});

it('wraps the last column at words to fit the terminal', () => {
  const table = formatTable(
    ['Model', 'Status'],
    [['m', 'UNAVAILABLE: the file model.onnx is not there']],
    44,
  );
  expect(table.split('\n').every((line) => line.length <= 44)).toBe(true);
  expect(table).toContain('| m     | UNAVAILABLE: the file model.onnx |\n|       | is not there');
});

it('breaks a word that is longer than a line', () => {
  const path = '/a'.repeat(40);
  const table = formatTable(['M', 'Status'], [['m', path]], 40);
  const pieces = [...table.matchAll(/\| [m ] \| (\S*)/g)].map(([, piece]) => piece);
  expect(pieces.join('')).toBe(path);
  expect(table.split('\n').every((line) => line.length <= 40)).toBe(true);
});
