import {
  collect,
  encodeModel,
  int8Static,
  int8StaticValues,
  type MethodContext,
  type OnnxModel,
  type QuantizationSpec,
  readQuantizationSettings,
  type Sample,
  shapeFacts,
  simplify,
} from './engine.ts';
import { type Ranges, readRangeTable } from './range-table.ts';

/** A net of the repository whose 8-bit form is made from the ranges in a table. */
export interface QuantizedNet {
  /** Name of the table. */
  readonly table: string;
  /** The original's bytes. */
  readonly original: () => Uint8Array;
  /** What it is calibrated with. */
  readonly samples: () => AsyncIterable<Sample>;
  /** Settings besides the mode, as the server's configurations name them. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The 8-bit net that follows from the original and the table: always the same bytes. */
export async function quantized(net: QuantizedNet): Promise<Uint8Array> {
  const { model, facts, spec } = await prepared(net);
  const ranges = readRangeTable(net.table);
  for (const value of int8StaticValues(model, spec)) {
    if (!ranges.has(value)) {
      throw new Error(`ranges/${net.table}.json does not have '${value}': measure anew, npm run ranges`);
    }
  }
  return encodeModel(int8Static(model, { spec, ranges, facts }).model);
}

/** Ranges as this machine measures them. */
export async function measured(net: QuantizedNet): Promise<Ranges> {
  const { model, facts, spec } = await prepared(net);
  const names = [...int8StaticValues(model, spec)];
  const { calibrationMethod: method, percentile } = spec;
  return collect({ model, facts, samples: net.samples(), names, method, percentile });
}

interface Prepared {
  readonly model: OnnxModel;
  readonly facts: MethodContext['facts'];
  readonly spec: QuantizationSpec;
}

async function prepared({ original, settings = {} }: QuantizedNet): Promise<Prepared> {
  const texts = new Map(Object.entries({ mode: 'int8', calibration: 'photos', ...settings }));
  const { spec, problems } = readQuantizationSettings(texts);
  if (spec === null) throw new Error(problems.map(({ setting, text }) => `${setting} ${text}`).join('\n'));
  const model = await simplify(original());
  return { model, facts: await shapeFacts(model), spec };
}
