import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvariantError } from '../../lib/invariant.js';
import type { QuantizationReport } from '../../quantize/report.js';
import type { Sensitivity } from '../../quantize/sensitivity.js';
import type { ParsedFlags } from '../../settings/parse-flags.js';
import { readFlags } from '../command.js';
import { CommandError, EXIT, UsageError } from '../exit-codes.js';
import type { Io } from '../io.js';
import { RAW_PICTURES_NOTE, readModelFile } from '../model-file.js';
import { startProgress } from '../progress.js';
import { progressText } from '../progress-bar.js';
import { formatQuantization } from '../quantization-report.js';
import { QUANTIZE_FLAGS as FLAGS, SETTING_FLAGS } from './flags.js';
import type { OfflineJob } from './job.js';
import { OutputFolder } from './output-folder.js';
import { formatSensitivity } from './sensitivity-report.js';
import { readSettings } from './settings.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Quantizes a model file as a server would when it loads it, into a folder. */
export async function quantize(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, [...SETTING_FLAGS.values(), ...Object.values(FLAGS)]);
  const path = readOperand(flags);
  const file = await readModelFile({
    path,
    configPath: flags.get(FLAGS.config),
    imageSettings: flags.all(FLAGS.image),
  });
  const settings = readSettings(flags, file);
  const out = flags.given(FLAGS.out) ? new OutputFolder(flags.get(FLAGS.out)) : null;
  const scratch = mkdtempSync(join(tmpdir(), 'naiad-quantize-'));
  const cleanUp = (): void => {
    out?.abandon();
    rmSync(scratch, { recursive: true, force: true });
  };
  const undo = onSignals(cleanUp);
  const progress = startProgress(io);
  try {
    const { OfflineJob: Job, writeReport } = await import('./job.js');
    const job = await Job.open({
      file,
      settings,
      device: flags.get(FLAGS.device),
      onProgress: (stage, done, total) => progress.show(progressText(stage, done, total)),
    });
    if (job.takesPictures && file.configPath === '' && !flags.given(FLAGS.image)) io.err(RAW_PICTURES_NOTE);
    const sensitivity = flags.get(FLAGS.sensitivity)
      ? await job.sensitivity(flags.get(FLAGS.sensitivitySamples), join(scratch, 'layers'))
      : null;
    let report: QuantizationReport | null = null;
    if (out !== null) {
      const { result, work } = out.begin();
      report = await job.quantize(result, work, flags.get(FLAGS.force));
      if (report.outcome === 'quantized') {
        writeReport(result, job.describe(report, sensitivity));
        out.publish();
      }
    }
    progress.end();
    tell(job, { report, sensitivity }, flags, io);
    return verdict(report, flags, io);
  } catch (error) {
    throw forPeople(error);
  } finally {
    progress.end();
    cleanUp();
    undo();
  }
}

function readOperand(flags: ParsedFlags): string {
  const [path, ...surplus] = flags.positionals;
  if (path === undefined)
    throw new UsageError('which model? naiad quantize MODEL.onnx --mode MODE --out DIR');
  if (surplus.length > 0) throw new UsageError(`unexpected argument '${surplus[0]}'`);
  return path;
}

/** Ends the process by the signal's default action once `cleanUp` has run; returns what takes that back. */
function onSignals(cleanUp: () => void): () => void {
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => {
      cleanUp();
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

interface Told {
  readonly report: QuantizationReport | null;
  readonly sensitivity: Sensitivity | null;
}

function tell(job: OfflineJob, { report, sensitivity }: Told, flags: ParsedFlags, io: Io): void {
  if (flags.get(FLAGS.json)) {
    io.out(`${JSON.stringify(job.describe(report, sensitivity))}\n`);
    return;
  }
  const parts = [
    report === null ? '' : formatQuantization(report, io.columns),
    sensitivity === null ? '' : formatSensitivity(sensitivity, io.columns),
  ];
  io.out(parts.filter((part) => part !== '').join('\n'));
}

function verdict(report: QuantizationReport | null, flags: ParsedFlags, io: Io): number {
  if (report === null) return EXIT.ok;
  if (report.outcome === 'quantized') {
    if (!flags.get(FLAGS.json)) io.out(`\nWritten to ${flags.get(FLAGS.out)}\n`);
    return EXIT.ok;
  }
  // Only what was compared can be wanted in spite of that.
  const hint = report.outputs.length > 0 && !flags.get(FLAGS.force) ? '; --force writes it all the same' : '';
  io.err(`naiad quantize: nothing is written: ${report.reason}${hint}\n`);
  return EXIT.failed;
}

/** The engine's errors are for people, but for our own mistakes. */
function forPeople(error: unknown): unknown {
  const isOurs = error instanceof InvariantError || error instanceof TypeError || error instanceof RangeError;
  if (isOurs || !(error instanceof Error) || error instanceof UsageError) return error;
  return error instanceof CommandError ? error : new CommandError(error.message, { cause: error });
}
