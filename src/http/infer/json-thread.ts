import { move, transferableSymbol, valueSymbol } from 'piscina';
import type { JsonResult, JsonTask } from './json-task.js';

/** Entry of a thread that reads and writes JSON. */

/** Does one task; the tensors in what comes of it are handed over. Rejects for mistakes of ours only. */
export default async function convert(task: JsonTask): Promise<unknown> {
  // Imported here because piscina loses tasks when a thread's first import fails.
  const { runJsonTask } = await import('./json-task.js');
  const result = runJsonTask(task);
  if (result === null) return null;
  const buffers = [...new Set(arraysOf(result).map(({ buffer }) => buffer))];
  return buffers.length === 0 ? result : move({ [transferableSymbol]: buffers, [valueSymbol]: result });
}

function arraysOf(result: NonNullable<JsonResult>): Uint8Array[] {
  const arrays =
    result instanceof Uint8Array
      ? [result]
      : result.inputs.flatMap(({ source }) => (source.kind === 'json' ? [source.data] : []));
  return arrays.filter(ownsBuffer);
}

/** Small buffers may lie in one that others use, too. */
function ownsBuffer({ byteLength, buffer }: Uint8Array): boolean {
  return 2 * byteLength > buffer.byteLength;
}
