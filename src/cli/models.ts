import { mapBounded } from '../lib/bounded.js';
import { didYouMean } from '../lib/did-you-mean.js';
import { readGrpcAddress } from './address.js';
import { CallError, ServerClient } from './client.js';
import { MODELS_FLAGS } from './client-flags.js';
import { readFlags } from './command.js';
import { EXIT, UsageError } from './exit-codes.js';
import type { Io } from './io.js';
import { formatTensorMetadata, type ModelIndexMessage, type ModelMetadataMessage } from './messages.js';
import { startProgress } from './progress.js';
import { formatTable } from './table.js';

/** A model's entry of the index, with its metadata when it is ready. */
export interface ListedModel extends ModelIndexMessage {
  readonly metadata: ModelMetadataMessage | null;
}

const CALLS_MAX = 8;

/** `naiad models` and `naiad models show MODEL`. */
export async function models(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(MODELS_FLAGS));
  const [verb = 'list', model, ...surplus] = flags.positionals;
  if (verb !== 'list' && verb !== 'show') {
    throw new UsageError(
      `unknown word '${verb}'${didYouMean(verb, ['show', 'list'])}; for one model: naiad models show ${verb}`,
    );
  }
  if (verb === 'show' && model === undefined) throw new UsageError('which model? naiad models show MODEL');
  if (surplus.length > 0 || (verb === 'list' && model !== undefined)) {
    throw new UsageError(`unexpected argument '${surplus[0] ?? model}'`);
  }
  const json = flags.get(MODELS_FLAGS.json);
  const client = new ServerClient(
    readGrpcAddress(flags.get(MODELS_FLAGS.url)),
    flags.get(MODELS_FLAGS.timeout),
  );
  try {
    if (model !== undefined) {
      const config = await readConfig(client, model, flags.get(MODELS_FLAGS.modelVersion));
      io.out(`${JSON.stringify(json ? config : withoutUnset(config), null, 2)}\n`);
    } else {
      const listed = await listModels(client, io);
      io.out(json ? `${JSON.stringify(listed, null, 2)}\n` : formatModels(listed, io.columns));
    }
    return EXIT.ok;
  } finally {
    client.close();
  }
}

/** Every known version of every model, from a running server. */
export async function readIndex(client: ServerClient): Promise<readonly ModelIndexMessage[]> {
  const { models: entries } = await client.call<{ models: ModelIndexMessage[] }>('RepositoryIndex', {});
  return entries;
}

/** `error`, or when it says that a model is unknown, one that also names those that are known. */
export async function withKnownModels(client: ServerClient, error: unknown, model: string): Promise<unknown> {
  if (!(error instanceof CallError) || error.code !== 'NOT_FOUND') return error;
  const entries = await readIndex(client).catch(() => []);
  const names = [...new Set(entries.map(({ name }) => name))].sort();
  if (names.includes(model)) return error;
  const known = names.length === 0 ? 'The server has no models' : `The server has: ${names.join(', ')}`;
  const hint = didYouMean(model, names) || '.';
  return new CallError(error.code, `${error.message}${hint} ${known}`, { cause: error });
}

/** One row for each version, its inputs and outputs with a line each. */
export function formatModels(listed: readonly ListedModel[], columns: number): string {
  const rows = listed.map(({ name, version, state, reason, metadata }) => [
    name,
    version === '' ? '-' : version,
    metadata?.platform ?? '-',
    metadata?.inputs.map(formatTensorMetadata).join('\n') ?? '-',
    metadata?.outputs.map(formatTensorMetadata).join('\n') ?? '-',
    reason === '' ? state || 'not loaded' : `${state}: ${reason}`,
  ]);
  return formatTable(['Model', 'Version', 'Platform', 'Inputs', 'Outputs', 'State'], rows, columns);
}

/** A message without what is unset in it: empty texts, lists and messages. */
export function withoutUnset(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUnset);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !isUnset(member))
      .map(([name, member]) => [name, withoutUnset(member)]),
  );
}

function isUnset(value: unknown): boolean {
  if (value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

async function listModels(client: ServerClient, io: Io): Promise<ListedModel[]> {
  const progress = startProgress(io);
  try {
    const entries = await readIndex(client);
    let done = 0;
    return await mapBounded(entries, CALLS_MAX, async (entry) => {
      progress.show(`${++done} of ${entries.length} models`);
      if (entry.state !== 'READY') return { ...entry, metadata: null };
      const { name, version } = entry;
      // Unloaded since the index was read: the entry still says what it was.
      const metadata = await client
        .call<ModelMetadataMessage>('ModelMetadata', { name, version })
        .catch(() => null);
      return { ...entry, metadata };
    });
  } finally {
    progress.end();
  }
}

async function readConfig(client: ServerClient, name: string, version: string): Promise<object> {
  try {
    const { config } = await client.call<{ config: object }>('ModelConfig', { name, version });
    return config;
  } catch (error) {
    throw await withKnownModels(client, error, name);
  }
}
