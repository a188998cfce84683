import type { Check, Diagnosis, GpuVerdict } from '../cuda/diagnose.js';
import type { CudaFacts } from '../cuda/facts.js';
import { abilitiesOf, capabilityText } from '../cuda/gpu.js';
import { examineGpus } from '../cuda/usable-gpus.js';
import { readFlags } from './command.js';
import { DOCTOR_FLAGS } from './cuda/flags.js';
import { EXIT, UsageError } from './exit-codes.js';
import type { Io } from './io.js';
import { formatTable } from './table.js';

/** `naiad doctor`: whether GPUs can be used here, and what is missing. */
export async function doctor(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(DOCTOR_FLAGS));
  if (flags.positionals.length > 0) throw new UsageError(`unexpected argument '${flags.positionals[0]}'`);
  const { facts, diagnosis } = examineGpus();
  io.out(
    flags.get(DOCTOR_FLAGS.json) ? doctorJson(facts, diagnosis) : formatDiagnosis(diagnosis, io.columns),
  );
  return diagnosis.usable.length > 0 ? EXIT.ok : EXIT.failed;
}

/** What `naiad doctor` prints for people. */
export function formatDiagnosis(
  { checks, gpus, usable, reason, remedy }: Diagnosis,
  columns: number,
): string {
  const parts = [formatTable(['Check', '', 'Finding'], checks.map(checkRow), columns)];
  if (gpus.length > 0)
    parts.push(
      formatTable(
        ['GPU', 'Name', 'MB', 'Capability', 'fp16 tensor cores', 'bf16', 'int8 tensor cores', 'Use'],
        gpus.map(gpuRow),
        columns,
      ),
    );
  parts.push(
    usable.length > 0
      ? `can be used: ${usable.map(({ index, name }) => `GPU ${index} (${name})`).join(', ')}\n`
      : `no GPU can be used: ${reason}\n${remedy === '' ? '' : `what mends it: ${remedy}\n`}`,
  );
  return parts.join('');
}

function checkRow({ what, ok, text }: Check): string[] {
  return [what, ok ? 'ok' : 'NO', text];
}

function gpuRow({ gpu, code, reason }: GpuVerdict): string[] {
  const { fp16TensorCores, int8TensorCores, bf16 } = abilitiesOf(gpu);
  return [
    String(gpu.index),
    gpu.name,
    (gpu.memoryBytes / 1e6).toFixed(0),
    capabilityText(gpu.capability),
    yes(fp16TensorCores),
    yes(bf16),
    yes(int8TensorCores),
    reason || (code === 'ptx' ? 'fits; the driver compiles its code at the first use' : 'fits'),
  ];
}

function yes(has: boolean): string {
  return has ? 'yes' : 'no';
}

function doctorJson(facts: CudaFacts, diagnosis: Diagnosis): string {
  const gpus = diagnosis.gpus.map(({ gpu, ...verdict }) => ({ ...gpu, ...verdict, ...abilitiesOf(gpu) }));
  return `${JSON.stringify({ ...diagnosis, gpus, facts }, null, 2)}\n`;
}
