import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { RANGE_TABLES } from '../paths.ts';
import type { Range } from './engine.ts';

/** Ranges and channel means of values in a net, by their names. */
export type Ranges = ReadonlyMap<string, Range>;

/** Significant digits of the ends of ranges, and of means: enough for 8 bits, and no more than a reader can bear. */
const RANGE_DIGITS = 4;
const MEAN_DIGITS = 3;

/** How far a measurement may be from the table, as a part of the range: other processors add in another order. */
const TOLERANCE = 0.01;

interface WrittenRange {
  readonly min: number;
  readonly max: number;
  readonly means?: readonly number[];
}

/** Reads the table of a net. */
export function readRangeTable(name: string): Ranges {
  const table: Readonly<Record<string, WrittenRange>> = JSON.parse(readFileSync(fileOf(name), 'utf8'));
  return new Map(
    Object.entries(table).map(([value, { min, max, means }]): [string, Range] => [
      value,
      means === undefined ? { min, max } : { min, max, channelMeans: Float32Array.from(means) },
    ]),
  );
}

/** Writes the table of a net: ranges rounded outwards, one value to a line. */
export function writeRangeTable(name: string, ranges: Ranges): void {
  const lines = [...ranges].map(([value, { min, max, channelMeans }]) => {
    const written: WrittenRange = {
      min: rounded(min, RANGE_DIGITS, Math.floor),
      max: rounded(max, RANGE_DIGITS, Math.ceil),
      ...(channelMeans === undefined
        ? {}
        : { means: Array.from(channelMeans, (mean) => rounded(mean, MEAN_DIGITS, Math.round)) }),
    };
    return `  ${JSON.stringify(value)}: ${JSON.stringify(written)}`;
  });
  writeFileSync(fileOf(name), `{\n${lines.join(',\n')}\n}\n`);
}

/** What a measurement and the table don't agree about, in words. */
export function differences(table: Ranges, measured: Ranges): string[] {
  const unknown = [...measured.keys()].filter((value) => !table.has(value));
  return [
    ...unknown.map((value) => `the value '${value}' is not in the table`),
    ...[...table].flatMap(([value, expected]) => {
      const found = measured.get(value);
      if (found === undefined) return [`the value '${value}' of the table was not measured`];
      const off = distance(expected, found);
      return off <= TOLERANCE ? [] : [`'${value}' is off by ${(100 * off).toFixed(1)} % of its range`];
    }),
  ];
}

/** The largest difference between two ranges and their means, as a part of the range. */
function distance(a: Range, b: Range): number {
  const means = [a.channelMeans ?? new Float32Array(), b.channelMeans ?? new Float32Array()];
  if (means[0].length !== means[1].length) return Number.POSITIVE_INFINITY;
  const width = Math.max(a.max - a.min, Number.MIN_VALUE);
  const steps = means[0].map((mean, channel) => Math.abs(mean - means[1][channel]));
  return Math.max(Math.abs(a.min - b.min), Math.abs(a.max - b.max), ...steps) / width;
}

/** To so many significant digits, the last one rounded by `round`. */
function rounded(value: number, digits: number, round: (value: number) => number): number {
  // By way of text: powers of ten below one are not exact.
  const [mantissa, exponent] = value.toExponential().split('e');
  const last = digits - 1;
  return Number(`${round(Number(`${mantissa}e${last}`))}e${Number(exponent) - last}`);
}

function fileOf(name: string): string {
  return path.join(RANGE_TABLES, `${name}.json`);
}
