import { mapBounded } from '../lib/bounded.js';
import { didYouMean } from '../lib/did-you-mean.js';
import type { Flag } from '../settings/flag.js';
import type { ParsedFlags } from '../settings/parse-flags.js';
import { readGrpcAddress } from './address.js';
import { ServerClient } from './client.js';
import { MODELS_FLAGS } from './client-flags.js';
import { readFlags } from './command.js';
import { EXIT, UsageError } from './exit-codes.js';
import { readHeaders } from './headers.js';
import type { Io } from './io.js';
import { readLoadParameters } from './load-files.js';
import { formatTensorMetadata, type ModelIndexMessage, type ModelMetadataMessage } from './messages.js';
import { loadModel, type ModelAction, rollBackModel, unloadModel } from './model-control.js';
import { showHistory } from './model-history.js';
import { startProgress } from './progress.js';
import { readIndex, withKnownModels } from './read-index.js';
import { formatTable } from './table.js';

/** A model's entry of the index, with its metadata when it is ready. */
export interface ListedModel extends ModelIndexMessage {
  readonly metadata: ModelMetadataMessage | null;
}

const CALLS_MAX = 8;

/** What can be done with one model, and the flags beside those of all verbs. */
const VERBS: ReadonlyMap<string, readonly Flag<unknown>[]> = new Map<string, readonly Flag<unknown>[]>([
  ['show', [MODELS_FLAGS.modelVersion]],
  ['load', [MODELS_FLAGS.config, MODELS_FLAGS.file]],
  ['unload', []],
  ['rollback', []],
  ['history', []],
]);

const LIST = 'list';

/** These may take minutes, and no one knows before how many. */
const PATIENT: ReadonlySet<string> = new Set(['load', 'unload', 'rollback']);

/** `naiad models`, and `naiad models VERB MODEL`. */
export async function models(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(MODELS_FLAGS));
  const { verb, model } = readVerb(flags);
  const parameters =
    verb === 'load'
      ? await readLoadParameters(flags.get(MODELS_FLAGS.config), flags.all(MODELS_FLAGS.file))
      : {};
  const isPatient = PATIENT.has(verb) && !flags.given(MODELS_FLAGS.timeout);
  const client = new ServerClient(
    readGrpcAddress(flags.get(MODELS_FLAGS.url)),
    isPatient ? Number.POSITIVE_INFINITY : flags.get(MODELS_FLAGS.timeout),
    readHeaders(flags.all(MODELS_FLAGS.header)),
  );
  const action = { model, json: flags.get(MODELS_FLAGS.json) };
  try {
    switch (verb) {
      case 'show':
        return await showConfig(client, action, flags.get(MODELS_FLAGS.modelVersion), io);
      case 'load':
        return await loadModel(client, action, parameters, io);
      case 'unload':
        return await unloadModel(client, action, io);
      case 'rollback':
        return await rollBackModel(client, action, io);
      case 'history':
        return await showHistory(client, action, io);
      default: {
        const listed = await listModels(client, io);
        io.out(action.json ? `${JSON.stringify(listed, null, 2)}\n` : formatModels(listed, io.columns));
        return EXIT.ok;
      }
    }
  } finally {
    client.close();
  }
}

/** The words of the command line; throws {@link UsageError} for words and flags that don't go together. */
function readVerb(flags: ParsedFlags): { verb: string; model: string } {
  const [verb = LIST, model = '', ...surplus] = flags.positionals;
  const own = verb === LIST ? [] : VERBS.get(verb);
  if (own === undefined) {
    const words = [...VERBS.keys(), LIST];
    throw new UsageError(
      `unknown word '${verb}'${didYouMean(verb, words) || `; known ones: ${words.join(', ')}`}${model === '' ? `; for one model: naiad models show ${verb}` : ''}`,
    );
  }
  if (verb !== LIST && model === '') throw new UsageError(`which model? naiad models ${verb} MODEL`);
  if (surplus.length > 0 || (verb === LIST && model !== '')) {
    throw new UsageError(`unexpected argument '${surplus[0] ?? model}'`);
  }
  for (const [other, others] of VERBS) {
    const stray = others.find((flag) => flags.given(flag) && !own.includes(flag));
    if (stray !== undefined) throw new UsageError(`--${stray.name} belongs to: naiad models ${other} MODEL`);
  }
  return { verb, model };
}

/** One row for each version, its inputs and outputs with a line each. */
export function formatModels(listed: readonly ListedModel[], columns: number): string {
  const rows = listed.map(({ name, version, state, reason, metadata }) => [
    name,
    version === '' ? '-' : version,
    metadata?.platform ?? '-',
    metadata?.inputs.map(formatTensorMetadata).join('\n') ?? '-',
    metadata?.outputs.map(formatTensorMetadata).join('\n') ?? '-',
    stateText(state, reason),
  ]);
  return formatTable(['Model', 'Version', 'Platform', 'Inputs', 'Outputs', 'State'], rows, columns);
}

function stateText(state: string, reason: string): string {
  if (reason === '') return state || 'not loaded';
  // What is served goes on where what was to replace it can't be loaded; or it is not what was asked for.
  const isOld = state === 'READY' && !reason.startsWith('it is not quantized');
  return isOld ? `READY; what is to replace it can not be loaded: ${reason}` : `${state}: ${reason}`;
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

async function showConfig(
  client: ServerClient,
  { model, json }: ModelAction,
  version: string,
  io: Io,
): Promise<number> {
  const config = await readConfig(client, model, version);
  io.out(`${JSON.stringify(json ? config : withoutUnset(config), null, 2)}\n`);
  return EXIT.ok;
}

async function readConfig(client: ServerClient, name: string, version: string): Promise<object> {
  try {
    const { config } = await client.call<{ config: object }>('ModelConfig', { name, version });
    return config;
  } catch (error) {
    throw await withKnownModels(client, error, name);
  }
}
