/** A row, and the line of the text that it begins in. */
export interface CsvRow {
  readonly cells: readonly string[];
  readonly line: number;
}

/** Comma-separated values as RFC 4180 has them: cells in quotes may hold commas, lines and doubled quotes. */
export function parseCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  const cell = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;
  let cells: string[] = [];
  let line = 1;
  let begun = 1;
  while (cell.lastIndex < text.length || cells.length > 0) {
    const at = cell.lastIndex;
    const match = cell.exec(text);
    // A quote in the middle of a cell: taken as it is, up to the end of the line.
    const [whole, quoted, plain = '', end = ''] = match ?? restOfLine(text, at);
    if (match === null) cell.lastIndex = at + whole.length;
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split('\n').length - 1;
    if (end === ',') continue;
    rows.push({ cells, line: begun });
    cells = [];
    begun = line;
  }
  return rows;
}

function restOfLine(text: string, at: number): [string, undefined, string, string] {
  const newline = text.indexOf('\n', at);
  const whole = text.slice(at, newline < 0 ? text.length : newline + 1);
  return [whole, undefined, whole.trimEnd(), '\n'];
}
