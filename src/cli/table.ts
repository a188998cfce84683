/** Rows of cells; a cell may have several lines. */
export type Rows = readonly (readonly string[])[];

/** Narrower than this the last column is not made, however narrow the terminal. */
const LAST_COLUMN_MIN = 24;

/**
 * A table in Triton's look. The last column is wrapped at words so that lines fit into `columns`
 * characters.
 */
export function formatTable(head: readonly string[], rows: Rows, columns = Number.POSITIVE_INFINITY): string {
  const last = head.length - 1;
  const others = widths(head, rows).slice(0, last);
  const room = columns - others.reduce((sum, width) => sum + width + 3, 0) - 4;
  const lastMax = Math.max(LAST_COLUMN_MIN, room);
  const fitted = rows.map((row) => row.map((cell, column) => (column === last ? wrap(cell, lastMax) : cell)));
  const all = widths(head, fitted);
  const rule = `+${all.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const line = (cells: readonly string[]): string =>
    `|${all.map((width, column) => ` ${pad(cells[column] ?? '', width)} `).join('|')}|\n`;
  const body = fitted.flatMap((row) => splitLines(row).map(line));
  return [rule, line(head), rule, ...body, rule].join('');
}

/** The lines of a row whose cells may have several. */
function splitLines(row: readonly string[]): string[][] {
  const cells = row.map((cell) => cell.split('\n'));
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, index) => cells.map((lines) => lines[index] ?? ''));
}

function widths(head: readonly string[], rows: Rows): number[] {
  return head.map((title, column) =>
    Math.max(
      length(title),
      ...rows.flatMap((row) => (row[column] ?? '').split('\n').map((text) => length(text))),
    ),
  );
}

/** Breaks lines at blanks, and words that are too long anywhere. */
function wrap(text: string, max: number): string {
  if (!Number.isFinite(max)) return text;
  return text
    .split('\n')
    .map((line) => {
      const lines: string[] = [];
      let current = '';
      for (const word of line.split(' ')) {
        const longer = current === '' ? word : `${current} ${word}`;
        if (length(longer) <= max) {
          current = longer;
          continue;
        }
        if (current !== '') lines.push(current);
        current = word;
        while (length(current) > max) {
          lines.push(current.slice(0, max));
          current = current.slice(max);
        }
      }
      return [...lines, current].join('\n');
    })
    .join('\n');
}

// Code points, not UTF-16 units: labels of models hold more than ASCII.
function length(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - length(text)));
}
