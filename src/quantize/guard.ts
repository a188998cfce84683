import type { AccuracyBounds } from '../model-config/quantization.js';
import type { OutputError } from './report.js';

/**
 * Why a quantized model must not be served, one text for each output that is beyond the bounds, or one for all
 * where they hold nothing to judge by; none when it may be.
 */
export function violations(outputs: readonly OutputError[], bounds: AccuracyBounds): string[] {
  const missed = outputs.flatMap((output) => {
    const reason = violation(output, bounds);
    return reason === '' ? [] : [`output '${output.name}' ${reason}`];
  });
  if (missed.length > 0 || outputs.some(({ compared }) => compared > 0)) return missed;
  return ['the original answers no sample with a finite number, so that there is nothing to compare'];
}

function violation(output: OutputError, { minCosine, minTop1Agreement }: AccuracyBounds): string {
  if (output.otherShapes > 0)
    return `has another shape than the original's for ${samples(output.otherShapes)}, so that it can not be compared`;
  if (output.nonFinite > 0) return `holds NaN or infinities where the original's holds numbers`;
  if (output.isFloat && !(output.cosine >= minCosine))
    return `has a cosine of ${digits(output.cosine)} with the original's, less than ${minCosine}`;
  if (output.isClass && output.top1Agreement !== null && output.top1Agreement < minTop1Agreement) {
    const agreement = digits(output.top1Agreement);
    return output.isFloat
      ? `names the same class as the original's for ${agreement} of all rows, less than ${minTop1Agreement}`
      : `is equal to the original's for ${agreement} of all values, less than ${minTop1Agreement}`;
  }
  return '';
}

function samples(count: number): string {
  return `${count} ${count === 1 ? 'sample' : 'samples'}`;
}

/** Rounded down, so that what misses a bound never reads as if it met it. */
function digits(value: number): string {
  return String(Math.floor(value * 1e5) / 1e5);
}
