import { readModel } from '../onnx/read-model.js';
import { graphsWithin } from '../onnx/subgraphs.js';

/** Operators of a model, as `domain:OpType` or `OpType`, and how often each is there. */
export type KernelCounts = Readonly<Record<string, number>>;

/** Of the model in a file; its weights are not read. Blocks its thread. Throws OnnxError. */
export function countKernels(modelFile: string): KernelCounts {
  const counts = new Map<string, number>();
  for (const { nodes } of graphsWithin(readModel(modelFile).graph)) {
    for (const { domain, opType } of nodes) {
      const name = domain === '' ? opType : `${domain}:${opType}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What became of the kernels that a method promised. */
export interface KernelCheck {
  /** Those that are there, as a part of all; 1 when none was promised. */
  readonly share: number;
  /** A text for each operator of which some are missing. */
  readonly missing: readonly string[];
}

/**
 * Holds the operators of an optimised graph against what was promised. Of which domain they are does not
 * matter: `QLinearConv` is one of ONNX, and one of ONNX Runtime's own in another layout.
 */
export function checkKernels(expected: ReadonlyMap<string, number>, found: KernelCounts): KernelCheck {
  const byName = new Map<string, number>();
  for (const [kernel, count] of Object.entries(found)) {
    const name = plainName(kernel);
    byName.set(name, (byName.get(name) ?? 0) + count);
  }
  let promised = 0;
  let there = 0;
  const missing: string[] = [];
  for (const [kernel, count] of expected) {
    const made = Math.min(count, byName.get(plainName(kernel)) ?? 0);
    promised += count;
    there += made;
    if (made < count) missing.push(`${made} of ${count} ${plainName(kernel)}`);
  }
  return { share: promised === 0 ? 1 : there / promised, missing };
}

function plainName(kernel: string): string {
  return kernel.slice(kernel.lastIndexOf(':') + 1);
}
