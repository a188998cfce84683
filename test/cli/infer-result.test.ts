import { describe, expect, it } from 'vitest';
import { toElements } from '#naiad/cli/elements.js';
import { formatResult, type ResultView, splitClass, toResult } from '#naiad/cli/infer-result.js';
import type { InferResponseMessage } from '#naiad/cli/messages.js';
import type { Datatype } from '#naiad/tensor/datatype.js';

const VIEW: ResultView = { classes: false, rowNames: [], columns: Number.POSITIVE_INFINITY };

function aResponse(...outputs: [name: string, datatype: Datatype, shape: number[], values: unknown[]][]) {
  return {
    model_name: 'm',
    model_version: '2',
    id: '',
    outputs: outputs.map(([name, datatype, shape]) => ({ name, datatype, shape: shape.map(String) })),
    raw_output_contents: outputs.map(([, datatype, , values]) => Buffer.from(toElements(datatype, values))),
  } satisfies InferResponseMessage;
}

const COUNT = Array.from({ length: 10 }, (_, index) => index);

describe('a result', () => {
  it("has the form of the protocol's JSON", () => {
    expect(toResult(aResponse(['Y', 'FP32', [1, 2], [0.1, 2]], ['T', 'BYTES', [1], ['a']]))).toEqual({
      model_name: 'm',
      model_version: '2',
      outputs: [
        { name: 'Y', datatype: 'FP32', shape: [1, 2], data: [0.1, 2] },
        { name: 'T', datatype: 'BYTES', shape: [1], data: ['a'] },
      ],
    });
  });

  it('is a table with a line for each row, its values cut after eight', () => {
    const text = formatResult(toResult(aResponse(['Y', 'INT32', [2, 10], [...COUNT, ...COUNT]])), VIEW);
    expect(text).toBe(
      [
        'm, version 2',
        '+--------+----------+--------+-----+------------------------+',
        '| Output | Datatype | Shape  | Row | Values                 |',
        '+--------+----------+--------+-----+------------------------+',
        '| Y      | INT32    | [2,10] | 0   | 0 1 2 3 4 5 6 7 … (10) |',
        '|        |          |        | 1   | 0 1 2 3 4 5 6 7 … (10) |',
        '+--------+----------+--------+-----+------------------------+',
        '',
      ].join('\n'),
    );
  });

  it('names rows by their files', () => {
    const result = toResult(aResponse(['Y', 'FP32', [2, 1], [0.123456789, 1]]));
    const text = formatResult(result, { ...VIEW, rowNames: ['a.jpg', 'b.jpg'] });
    expect(text).toContain('| a.jpg | 0.123457 |');
    expect(text).toContain('| b.jpg | 1        |');
  });

  it('stops after some rows', () => {
    const text = formatResult(toResult(aResponse(['Y', 'UINT8', [100, 1], Array(100).fill(1)])), VIEW);
    expect(text.split('\n').length).toBeLessThan(45);
    expect(text).toContain('… 100 rows');
  });

  it('may be empty or a scalar', () => {
    const result = toResult(aResponse(['E', 'FP32', [0, 4], []], ['S', 'INT64', [], [7]]));
    expect(formatResult(result, VIEW)).toContain('| S      | INT64    | []    | 0   | 7      |');
  });
});

describe('classes', () => {
  it.each([
    ['0.930000:282:tiger cat', { score: '0.930000', index: '282', label: 'tiger cat' }],
    ['1.5:3', { score: '1.5', index: '3', label: '' }],
    ['2:0:a:b', { score: '2', index: '0', label: 'a:b' }],
  ])('%s', (text, parts) => {
    expect(splitClass(text)).toEqual(parts);
  });

  it('have a line each', () => {
    const result = toResult(
      aResponse(['P', 'BYTES', [2, 2], ['0.9:1:cat', '0.1:0:dog', '0.8:0:dog', '0.2:1']]),
    );
    const text = formatResult(result, { ...VIEW, classes: true, rowNames: ['a.jpg', 'b.jpg'] });
    expect(text.split('\n').slice(4, 8)).toEqual([
      '| P      | a.jpg | 0.9   | 1     | cat   |',
      '| P      | a.jpg | 0.1   | 0     | dog   |',
      '| P      | b.jpg | 0.8   | 0     | dog   |',
      '| P      | b.jpg | 0.2   | 1     |       |',
    ]);
  });
});
