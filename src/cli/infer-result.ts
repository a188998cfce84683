import { isDatatype } from '../tensor/datatype.js';
import { formatShape, type Shape } from '../tensor/shape.js';
import { fromElements } from './elements.js';
import type { InferResponseMessage } from './messages.js';
import { formatTable } from './table.js';

/** A decoded answer, in the form of the protocol's JSON. */
export interface InferResult {
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly OutputResult[];
}

export interface OutputResult {
  readonly name: string;
  readonly datatype: string;
  readonly shape: Shape;
  /** All elements, row-major; see `fromElements`. */
  readonly data: readonly unknown[];
}

/** How a result is shown to people. */
export interface ResultView {
  /** Whether classes were asked for: elements are `score:index[:label]`. */
  readonly classes: boolean;
  /** Name of each row of the batch, e.g. its file; rows beyond have their number. */
  readonly rowNames: readonly string[];
  readonly columns: number;
}

const VALUES_SHOWN = 8;
const ROWS_SHOWN = 32;

export function toResult(response: InferResponseMessage): InferResult {
  return {
    model_name: response.model_name,
    model_version: response.model_version,
    outputs: response.outputs.map(({ name, datatype, shape }, index) => ({
      name,
      datatype,
      shape: shape.map(Number),
      data: isDatatype(datatype)
        ? fromElements(datatype, response.raw_output_contents[index] ?? new Uint8Array(0))
        : [],
    })),
  };
}

/** Tables of values or classes, one line for each row of the batch or each class. */
export function formatResult(result: InferResult, view: ResultView): string {
  const head = `${result.model_name}, version ${result.model_version}\n`;
  return head + (view.classes ? formatClasses(result, view) : formatValues(result, view));
}

function formatValues({ outputs }: InferResult, view: ResultView): string {
  const rows = outputs.flatMap(({ name, datatype, shape, data }) =>
    rowsOf(shape, data, view).map(([row, values], index) => [
      index === 0 ? name : '',
      index === 0 ? datatype : '',
      index === 0 ? formatShape(shape) : '',
      row,
      formatElements(values),
    ]),
  );
  return formatTable(['Output', 'Datatype', 'Shape', 'Row', 'Values'], rows, view.columns);
}

function formatClasses({ outputs }: InferResult, view: ResultView): string {
  const rows = outputs.flatMap(({ name, shape, data }) =>
    rowsOf(shape, data, view).flatMap(([row, values]) =>
      values.map((value) => {
        const { score, index, label } = splitClass(String(value));
        return [name, row, score, index, label];
      }),
    ),
  );
  return formatTable(['Output', 'Row', 'Score', 'Class', 'Label'], rows, view.columns);
}

/** `0.93:282:tiger cat` in its parts; a label may hold colons itself. */
export function splitClass(text: string): { score: string; index: string; label: string } {
  const [score = '', index = '', ...label] = text.split(':');
  return { score, index, label: label.join(':') };
}

/** The elements of each row of the batch; a tensor with one dimension is one row. */
function rowsOf(shape: Shape, data: readonly unknown[], view: ResultView): [string, readonly unknown[]][] {
  const count = shape.length > 1 ? (shape[0] ?? 0) : 1;
  const size = count === 0 ? 0 : data.length / count;
  const rows = Array.from({ length: Math.min(count, ROWS_SHOWN) }, (_, row): [string, readonly unknown[]] => [
    view.rowNames[row] ?? String(row),
    data.slice(row * size, (row + 1) * size),
  ]);
  if (count > ROWS_SHOWN) rows.push([`… ${count} rows`, []]);
  return rows;
}

function formatElements(values: readonly unknown[]): string {
  const shown = values.slice(0, VALUES_SHOWN).map(formatElement).join(' ');
  return values.length > VALUES_SHOWN ? `${shown} … (${values.length})` : shown;
}

function formatElement(value: unknown): string {
  if (typeof value === 'number')
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}
