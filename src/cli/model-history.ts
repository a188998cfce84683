import { CallError, type ServerClient } from './client.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import type { HistoryEntryMessage } from './messages.js';
import type { ModelAction } from './model-control.js';
import { knownModels, namesOf, readIndex } from './read-index.js';
import { formatTable } from './table.js';

/** An entry as `--json` prints it. */
interface HistoryJson {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly version: string;
  readonly event: string;
  readonly why: string;
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
}

/** Prints what happened to a model, oldest first. */
export async function showHistory(
  client: ServerClient,
  { model, json }: ModelAction,
  io: Io,
): Promise<number> {
  const { entries } = await client.callLifecycle<{ entries: HistoryEntryMessage[] }>('ModelHistory', {
    name: model,
  });
  if (entries.length === 0) {
    const names = namesOf(await readIndex(client));
    if (!names.includes(model)) {
      throw new CallError('NOT_FOUND', `nothing is known of model '${model}'${knownModels(model, names)}`);
    }
  }
  if (json) io.out(`${JSON.stringify(entries.map(toJson), null, 2)}\n`);
  else io.out(entries.length === 0 ? `${model} was never loaded\n` : formatHistory(entries, io.columns));
  return EXIT.ok;
}

/** One row for each entry; the time that its steps took beside it. */
export function formatHistory(entries: readonly HistoryEntryMessage[], columns: number): string {
  const rows = entries.map(({ at_ms, version, event, why, steps }) => [
    isoTime(at_ms),
    version === '' ? '-' : version,
    event,
    steps.length === 0 ? '-' : steps.map(({ name, ms }) => `${name} ${formatMs(ms)}`).join('\n'),
    why,
  ]);
  return formatTable(['When', 'Version', 'What', 'Took', 'Why'], rows, columns);
}

function toJson({ at_ms, version, event, why, steps }: HistoryEntryMessage): HistoryJson {
  return { at: isoTime(at_ms), version, event, why, steps };
}

function isoTime(ms: string): string {
  return new Date(Number(ms)).toISOString();
}

/** Three digits that matter: `0.42 ms`, `12.3 ms`, `1.23 s`. */
function formatMs(ms: number): string {
  const [value, unit] = ms < 999.5 ? [ms, 'ms'] : [ms / 1000, 's'];
  return `${value < 1000 ? Number(value.toPrecision(3)) : Math.round(value)} ${unit}`;
}
