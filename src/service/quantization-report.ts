import type { ServingModel } from '../lifecycle/serving-model.js';
import type { ModelConfig } from '../model-config/message.js';
import { REPORT_PREFIX } from '../model-config/quantization-parameters.js';
import type { OutputError } from '../quantize/report.js';

/** The configuration of a version as it is served, with what came of quantizing it among its parameters. */
export function toModelConfig({ spec, quantization }: ServingModel): ModelConfig {
  const told = quantization === undefined ? [] : reportEntries(quantization);
  if (told.length === 0) return spec.config;
  const added = Object.fromEntries(
    told.map(([name, text]) => [`${REPORT_PREFIX}${name}`, { string_value: text }]),
  );
  return { ...spec.config, parameters: { ...spec.config.parameters, ...added } };
}

type Entry = readonly [name: string, text: string];

function reportEntries({ report, shortfall }: NonNullable<ServingModel['quantization']>): Entry[] {
  if (report === null) {
    return shortfall === ''
      ? []
      : [
          ['outcome', 'original'],
          ['reason', shortfall],
        ];
  }
  const entries: Entry[] = [
    ['outcome', shortfall === '' ? report.outcome : 'original'],
    ['mode', report.mode],
    ['samples', `${report.samples.count}`],
    ['original_bytes', `${report.bytes.original}`],
    ['quantized_bytes', `${report.bytes.quantized}`],
    ['original_run_ms', `${report.runMs.original}`],
    ['quantized_run_ms', `${report.runMs.quantized}`],
    ['layers_quantized', `${report.layers.quantized}`],
    ['layers_kept', `${report.layers.kept}`],
    ...report.outputs.flatMap(outputEntries),
  ];
  const reason = shortfall || report.reason;
  if (reason !== '') entries.push(['reason', reason]);
  if (report.findings.length > 0) entries.push(['findings', report.findings.join('; ')]);
  return entries;
}

function outputEntries({ name, isFloat, cosine, relativeRmse, maxAbs, top1Agreement }: OutputError): Entry[] {
  const floats: Entry[] = [
    [`cosine.${name}`, `${cosine}`],
    [`relative_rmse.${name}`, `${relativeRmse}`],
    [`max_abs.${name}`, `${maxAbs}`],
  ];
  const agreement: Entry[] = top1Agreement === null ? [] : [[`top1_agreement.${name}`, `${top1Agreement}`]];
  return isFloat ? [...floats, ...agreement] : agreement;
}
