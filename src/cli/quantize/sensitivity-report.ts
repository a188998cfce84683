import type { Sensitivity } from '../../quantize/sensitivity.js';
import { cosineText } from '../quantization-report.js';
import { formatTable } from '../table.js';

const LAYERS_SHOWN = 40;

/** For people: the most sensitive layers, and what to exclude. */
export function formatSensitivity(sensitivity: Sensitivity, columns: number): string {
  const { layers, samples, skipped, exclude } = sensitivity;
  const rows = layers
    .slice(0, LAYERS_SHOWN)
    .map(({ node, opType, cosine, relativeRmse, share }) => [
      opType,
      cosineText(cosine),
      relativeRmse.toPrecision(3),
      `${(100 * share).toFixed(1)} %`,
      node,
    ]);
  const more = layers.length > rows.length ? `and ${layers.length - rows.length} more, less sensitive\n` : '';
  return [
    `Answers to ${samples} samples when only this layer is quantized:\n`,
    formatTable(['Operator', 'Cosine', 'Relative RMSE', 'Part of the error', 'Layer'], rows, columns),
    more,
    ...skipped.map(({ node, reason }) => `${node} can not be quantized alone: ${reason}\n`),
    exclude.nodes.length === 0
      ? 'The error is spread over many layers: excluding a few gains little.\n'
      : `--exclude=${exclude.nodes.join(',')} takes away about ${Math.round(100 * exclude.share)} % of the error.\n`,
  ].join('');
}
