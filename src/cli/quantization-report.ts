import type { OutputError, QuantizationReport } from '../quantize/report.js';
import { formatTable } from './table.js';

const LAYERS_SHOWN = 5;
const REASONS_SHOWN = 8;

/** What became of a model that was to be quantized, for people. */
export function formatQuantization(report: QuantizationReport, columns: number): string {
  return [
    headline(report),
    sizes(report),
    report.outputs.length === 0 ? '' : outputs(report, columns),
    layers(report, columns),
    kernels(report),
    report.findings.map((finding) => `note: ${finding}\n`).join(''),
    rejected(report, columns),
    report.steps.length === 0
      ? ''
      : `${report.steps.map(({ name, ms }) => `${name} ${duration(ms)}`).join(', ')}\n`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** `24.9 MB` */
export function megabytes(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Six digits behind the point, more where all of them are nines. */
export function cosineText(cosine: number): string {
  return cosine.toFixed(1 - cosine < 1e-6 && cosine < 1 ? 9 : 6);
}

function headline({ requested, mode, outcome, reason, samples }: QuantizationReport): string {
  const what = requested === mode ? mode : `${requested}, which chose ${mode}`;
  const by = samples.kind === 'none' ? `${samples.count} random inputs` : `${samples.count} samples`;
  if (outcome === 'quantized') return `${what}: quantized, compared with the original on ${by}\n`;
  return `${requested === mode ? mode : requested}: not quantized: ${reason}\n`;
}

function sizes({ bytes, runMs }: QuantizationReport): string {
  const rows: string[][] = [];
  if (bytes.quantized > 0) {
    const ratio = bytes.original / bytes.quantized;
    rows.push([
      'size',
      megabytes(bytes.original),
      megabytes(bytes.quantized),
      times(ratio, 'smaller', 'larger'),
    ]);
  }
  if (runMs.quantized > 0) {
    const ratio = runMs.original / runMs.quantized;
    rows.push(['one run', `${runMs.original} ms`, `${runMs.quantized} ms`, times(ratio, 'faster', 'slower')]);
  }
  return rows.length === 0 ? '' : formatTable(['', 'Original', 'Quantized', ''], rows);
}

function outputs(report: QuantizationReport, columns: number): string {
  const head = ['Output', 'Cosine', 'Worst sample', 'Relative RMSE', 'Largest error', 'Same class'];
  return formatTable(head, report.outputs.map(outputRow), columns);
}

function outputRow(output: OutputError): string[] {
  const { name, isFloat, isClass, cosine, cosineMin, relativeRmse, maxAbs, top1Agreement } = output;
  const same = top1Agreement === null ? '-' : `${(100 * top1Agreement).toFixed(2)} %`;
  const trouble =
    output.otherShapes > 0 ? ' (other shapes)' : output.nonFinite > 0 ? ' (NaN or infinities)' : '';
  return [
    `${name}${trouble}`,
    isFloat ? cosineText(cosine) : '-',
    isFloat ? cosineText(cosineMin) : '-',
    isFloat ? relativeRmse.toPrecision(3) : '-',
    isFloat ? maxAbs.toPrecision(3) : '-',
    // Of outputs that name no class it says little.
    isClass ? same : '-',
  ];
}

function layers(
  { layers: { quantized, kept, worst, reasons } }: QuantizationReport,
  columns: number,
): string {
  if (quantized + kept === 0) return '';
  const why = Object.entries(reasons)
    .sort(([, a], [, b]) => b - a)
    .slice(0, REASONS_SHOWN)
    .map(([reason, count]) => `  ${count}: ${reason}\n`);
  const rows = worst
    .slice(0, LAYERS_SHOWN)
    .map(({ node, opType, weightError, weightBytesBefore, weightBytesAfter }) => [
      opType,
      weightError.toPrecision(3),
      megabytes(weightBytesBefore),
      megabytes(weightBytesAfter),
      node,
    ]);
  const table =
    rows.length === 0
      ? ''
      : `\nLargest errors of weights, relative to them:\n${formatTable(['Operator', 'Error', 'Before', 'After', 'Layer'], rows, columns)}`;
  return `${quantized} layer${quantized === 1 ? '' : 's'} quantized, ${kept} kept${why.length > 0 ? ':' : ''}\n${why.join('')}${table}`;
}

function kernels({ kernels: counts }: QuantizationReport): string {
  const list = Object.entries(counts).map(([kernel, count]) => `${count} ${kernel}`);
  return list.length === 0 ? '' : `Kernels on this machine: ${list.join(', ')}\n`;
}

function rejected({ rejected: others }: QuantizationReport, columns: number): string {
  if (others.length === 0) return '';
  const rows = others.map(({ mode, reason }) => [mode, reason]);
  return formatTable(['Not taken', 'Because'], rows, columns);
}

function times(ratio: number, more: string, less: string): string {
  return ratio >= 1 ? `${ratio.toFixed(2)} times ${more}` : `${(1 / ratio).toFixed(2)} times ${less}`;
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
