/** Runs the converted nets against their original runtime and against known answers; exits with 1 when one is off. */

import { checkBigXception } from '../check/big-xception.ts';
import { checkFaceApiNets } from '../check/face-api-nets.ts';
import { isWithinTolerance } from '../check/finding.ts';
import { checkGraphModelNets } from '../check/graph-model-nets.ts';
import { checkKnownAnswers } from '../check/known-answers.ts';
import { readSamples } from '../check/samples.ts';
import { startTensorflow } from '../reference/tensorflow.ts';

await startTensorflow();
const samples = await readSamples();
const findings = [
  ...(await checkFaceApiNets(samples)),
  ...(await checkGraphModelNets(samples)),
  ...(await checkBigXception(samples)),
  ...(await checkKnownAnswers(samples)),
];
findings.sort((a, b) => a.model.localeCompare(b.model));

console.table(
  findings.map((finding) => ({
    model: finding.model,
    check: finding.check,
    'max difference': finding.difference.toExponential(1),
    tolerance: finding.tolerance,
    ok: isWithinTolerance(finding) ? 'yes' : 'NO',
  })),
);
// Set rather than exited with, so that the whole table is out; the threads of the reference runtime keep nothing alive.
process.exitCode = findings.every(isWithinTolerance) ? 0 : 1;
