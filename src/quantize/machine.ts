import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus } from 'node:os';

/** What optimised graphs and packed weights depend on besides the model. */
export interface Machine {
  readonly onnxruntime: string;
  /** Names and instruction sets of the processors. */
  readonly cpu: string;
}

/** Lines of /proc/cpuinfo that tell what a processor can do; the last five on ARM. */
const CPU_FIELDS = [
  'vendor_id',
  'model name',
  'flags',
  'Features',
  'CPU implementer',
  'CPU architecture',
  'CPU variant',
  'CPU part',
];

/** Reads files: not for the serving thread. */
export function readMachine(): Machine {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return { onnxruntime: version, cpu: `${arch()} ${readCpu()}` };
}

/** What /proc/cpuinfo says of all processors, each kind once. */
export function describeCpu(cpuinfo: string): string {
  const processors = cpuinfo.split(/\n\s*\n/).map((processor) =>
    processor
      .split('\n')
      .map((line) => line.split(/\s*:\s*/, 2))
      .filter(([field = '']) => CPU_FIELDS.includes(field))
      .map(([field, value]) => `${field}=${value}`)
      .join(';'),
  );
  return [...new Set(processors.filter((processor) => processor !== ''))].sort().join('|');
}

function readCpu(): string {
  try {
    return describeCpu(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    // Only Linux has it.
    return [...new Set(cpus().map(({ model }) => model))].sort().join('|');
  }
}
