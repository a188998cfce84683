import { spread } from '../measure.mjs';
import { digits, floored } from './figures.mjs';
import { disturbed, isDisturbed, measuredOn, table } from './tables.mjs';

/**
 * @typedef {object} QuantizedNet what came of a net in each mode
 * @property {string} net
 * @property {boolean} trained whether its weights mean something
 * @property {readonly QuantizedRow[]} rows the original first
 *
 * @typedef {object} QuantizedRow
 * @property {string} mode
 * @property {number} bytes of the file
 * @property {number} mib by which a server grows that loads it
 * @property {readonly number[]} runMs one run without a server
 * @property {readonly number[]} perSecond served by one lane
 * @property {{ bare: readonly number[], served: readonly number[] } | null} gains how many times as many runs as
 *   the original has, without and with a server; null for the original
 * @property {{ cosine: number, otherCosine: number, sameClass: number | null } | null} errors on the samples, and
 *   the others on inputs that are not among them; null for the original
 */

/** What a server keeps of what the bare graph gains, each round. @param {QuantizedRow} row */
export function kept({ gains }) {
  return gains === null ? [] : gains.served.map((gain, round) => gain / (gains.bare[round] ?? Number.NaN));
}

/** The table of docs/quantization.md. @param {import('./figures.mjs').Report} report */
export function quantizationSection(report) {
  const nets = report.cases.filter(({ quantized }) => quantized !== null);
  return [
    measuredOn(report),
    table(
      HEAD,
      nets.flatMap(({ quantized }) => (quantized === null ? [] : rowsOf(quantized))),
    ),
    ...nets.filter(isDisturbed).map((found) => `${found.quantized?.net}: ${disturbed(found)}`),
  ].join('\n\n');
}

const HEAD = [
  'net',
  'mode',
  'file MB',
  'memory MiB',
  'one run ms',
  'served per second',
  'times as fast',
  'kept by the server',
  'cosine',
  'on others',
  'same class',
];

/** @param {QuantizedNet} net */
function rowsOf({ net, trained, rows }) {
  return rows.map((row, index) => {
    const { mode, bytes, mib, runMs, perSecond, gains, errors } = row;
    return [
      index === 0 ? `${net}${trained ? '' : ' (random weights)'}` : '',
      gains === null ? 'original' : `\`${mode}\``,
      digits(bytes / 1e6),
      digits(mib),
      digits(spread(runMs).median),
      digits(spread(perSecond).median),
      gains === null ? '' : spread(gains.bare).median.toFixed(2),
      gains === null ? '' : spread(kept(row)).median.toFixed(2),
      errors === null ? '' : floored(errors.cosine, 5),
      errors === null ? '' : floored(errors.otherCosine, 5),
      errors === null || errors.sameClass === null ? '' : `${(100 * errors.sameClass).toFixed(1)} %`,
    ];
  });
}
