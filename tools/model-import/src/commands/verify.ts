/**
 * Builds every model anew and measures the ranges of the 8-bit ones: fails when a result, or the file in the model
 * repository, is not what the manifest says, and when a range is not what its table says.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../bytes.ts';
import { readManifest } from '../manifest.ts';
import { MODELS } from '../models.ts';
import { MODEL_REPOSITORY } from '../paths.ts';
import { QUANTIZED_NETS } from '../quantized/nets.ts';
import { measured } from '../quantized/quantize.ts';
import { differences, readRangeTable } from '../quantized/range-table.ts';

const manifest = readManifest();
const complaints: string[] = [];

for (const model of MODELS) {
  const expected = manifest[model.path]?.sha256;
  const file = path.join(MODEL_REPOSITORY, model.path);
  if (expected === undefined) complaints.push(`${model.path}: not in manifest.json`);
  else if (sha256(await model.build()) !== expected)
    complaints.push(`${model.path}: a rebuild gives other bytes`);
  else if (!existsSync(file)) complaints.push(`${model.path}: missing in the model repository`);
  else if (sha256(readFileSync(file)) !== expected)
    complaints.push(`${model.path}: the file in the model repository differs`);
  else console.log(`${model.path}  same`);
}
for (const known of Object.keys(manifest)) {
  if (!MODELS.some((model) => model.path === known))
    complaints.push(`${known}: in manifest.json, but nothing builds it`);
}
for (const net of QUANTIZED_NETS) {
  const found = differences(readRangeTable(net.table), await measured(net));
  if (found.length === 0) console.log(`ranges/${net.table}.json  as measured`);
  complaints.push(...found.map((difference) => `ranges/${net.table}.json: ${difference}`));
}

for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
