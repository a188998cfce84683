import { outputErrors } from '../errors/catalogue.js';
import { invariant } from '../lib/invariant.js';
import { LIMITS } from '../settings/limits.js';
import { BytesBuilder } from '../tensor/bytes-builder.js';
import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';
import { elementCount } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { rank, rankKeys } from './ranking.js';

/** Reads element `index` as a number or bigint. */
type ElementReader = (view: DataView, index: number) => number | bigint;

const READERS: Partial<Record<Datatype, ElementReader>> = {
  UINT8: (view, index) => view.getUint8(index),
  INT8: (view, index) => view.getInt8(index),
  UINT16: (view, index) => view.getUint16(index * 2, true),
  INT16: (view, index) => view.getInt16(index * 2, true),
  UINT32: (view, index) => view.getUint32(index * 4, true),
  INT32: (view, index) => view.getInt32(index * 4, true),
  UINT64: (view, index) => view.getBigUint64(index * 8, true),
  INT64: (view, index) => view.getBigInt64(index * 8, true),
  FP32: (view, index) => view.getFloat32(index * 4, true),
  FP64: (view, index) => view.getFloat64(index * 8, true),
};

/** How a classification is asked for. */
export interface ClassificationOptions {
  /** Classes wanted per row, at least 1. */
  readonly count: number;
  readonly labels: readonly string[];
  /** Whether the first dim counts rows. */
  readonly batching: boolean;
}

/**
 * Triton's classification extension: a tensor becomes BYTES of shape [rows?, min(count, classes)], each
 * `value:index` or `value:index:label`, highest value first. Equal values keep their order, NaN comes
 * last. Throws INVALID_ARGUMENT for datatypes without an order.
 */
export function classify(tensor: NamedTensor, options: ClassificationOptions): NamedTensor {
  const { name, datatype, shape, data } = tensor;
  const elements = elementCount(shape);
  const read = READERS[datatype];
  if (read === undefined) throw outputErrors.classificationUnsupported(name, datatype);
  if (elements > LIMITS.classificationElementsMax) throw outputErrors.classificationTooLarge();
  invariant(data.length === elements * BYTE_SIZES[datatype], `output '${name}' has ${data.length} bytes`);
  const keys = rankKeys(datatype, data);
  invariant(keys !== null, `${datatype} is read but not ranked`);
  const rows = options.batching ? (shape[0] ?? 1) : 1;
  const classes = rows === 0 ? 0 : elements / rows;
  const count = Math.min(options.count, classes);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const ranked = new Uint32Array(count);
  const strings = new BytesBuilder();
  for (let row = 0; row < rows; row++) {
    const start = row * classes;
    rank(keys, start, classes, ranked);
    for (const index of ranked) {
      strings.add(formatClass(read(view, start + index), datatype, index, options.labels));
    }
  }
  return {
    name,
    datatype: 'BYTES',
    shape: options.batching ? [rows, count] : [count],
    data: strings.finish(),
  };
}

function formatClass(
  value: number | bigint,
  datatype: Datatype,
  index: number,
  labels: readonly string[],
): string {
  const text = datatype === 'FP32' || datatype === 'FP64' ? formatFloat(Number(value)) : String(value);
  const label = labels[index] ?? '';
  return label === '' ? `${text}:${index}` : `${text}:${index}:${label}`;
}

/** C's `%f`: six decimals at any magnitude. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  // toFixed turns to exponents from 1e21 on, where a double has no fraction anyway.
  if (Math.abs(value) >= 1e21) return `${BigInt(value)}.000000`;
  return Object.is(value, -0) ? '-0.000000' : value.toFixed(6);
}
