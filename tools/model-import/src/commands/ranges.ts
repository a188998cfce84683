/** Measures the ranges that the 8-bit nets are made from, and writes the tables. After it: `npm run import`. */
import { mkdirSync } from 'node:fs';
import { RANGE_TABLES } from '../paths.ts';
import { QUANTIZED_NETS } from '../quantized/nets.ts';
import { measured } from '../quantized/quantize.ts';
import { writeRangeTable } from '../quantized/range-table.ts';

mkdirSync(RANGE_TABLES, { recursive: true });
for (const net of QUANTIZED_NETS) {
  const ranges = await measured(net);
  writeRangeTable(net.table, ranges);
  console.log(`ranges/${net.table}.json  ${ranges.size} values`);
}
