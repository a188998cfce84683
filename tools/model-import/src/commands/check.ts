/** Runs the converted nets against their original runtime and against known answers; exits with 1 when one is off. */

import { checkBigXception } from '../check/big-xception.ts';
import { checkFaceApiNets } from '../check/face-api-nets.ts';
import { type Finding, isWithinTolerance } from '../check/finding.ts';
import { checkGraphModelNets } from '../check/graph-model-nets.ts';
import { checkKnownAnswers } from '../check/known-answers.ts';
import { checkQuantizedNets } from '../check/quantized-nets.ts';
import { readSamples } from '../check/samples.ts';
import { startTensorflow } from '../reference/tensorflow.ts';

// Caught here, because the reference runtime answers an uncaught error by printing all of its own code.
try {
  const findings = await check();
  print(findings);
  process.exitCode = findings.every(isWithinTolerance) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function check(): Promise<Finding[]> {
  await startTensorflow();
  const samples = await readSamples();
  const findings = [
    ...(await checkFaceApiNets(samples)),
    ...(await checkGraphModelNets(samples)),
    ...(await checkBigXception(samples)),
    ...(await checkQuantizedNets(samples)),
    ...(await checkKnownAnswers(samples)),
  ];
  return findings.toSorted((a, b) => a.model.localeCompare(b.model));
}

function print(findings: readonly Finding[]): void {
  console.table(
    findings.map((finding) => ({
      model: finding.model,
      check: finding.check,
      'max difference': finding.difference.toExponential(1),
      tolerance: finding.tolerance,
      ok: isWithinTolerance(finding) ? 'yes' : 'NO',
    })),
  );
}
