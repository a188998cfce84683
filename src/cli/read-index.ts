import { didYouMean } from '../lib/did-you-mean.js';
import { CallError, type ServerClient } from './client.js';
import type { ModelIndexMessage } from './messages.js';

/** Every known version of every model, from a running server. */
export async function readIndex(client: ServerClient): Promise<readonly ModelIndexMessage[]> {
  const { models: entries } = await client.call<{ models: ModelIndexMessage[] }>('RepositoryIndex', {});
  return entries;
}

/** `error`, or when it says that a model is unknown, one that also tells what can be done about that. */
export async function withKnownModels(client: ServerClient, error: unknown, model: string): Promise<unknown> {
  if (!(error instanceof CallError) || error.code !== 'NOT_FOUND') return error;
  const entries = await readIndex(client).catch(() => []);
  const names = namesOf(entries);
  const more = names.includes(model) ? loadHint(model, entries) : knownModels(model, names);
  return new CallError(error.code, `${error.message}${more}`, { cause: error });
}

/** The same of an error of loading or rolling back: a model that the repository does not have. */
export async function withModelsToLoad(
  client: ServerClient,
  error: unknown,
  model: string,
): Promise<unknown> {
  if (!(error instanceof CallError) || !/failed to poll|nothing else was served/.test(error.message)) {
    return error;
  }
  const names = namesOf(await readIndex(client).catch(() => []));
  if (names.length === 0 || names.includes(model)) return error;
  return new CallError(error.code, `${error.message}${knownModels(model, names)}`, { cause: error });
}

/** Behind a sentence about a model that is not served: how it would be, where it only has to be loaded. */
function loadHint(model: string, entries: readonly ModelIndexMessage[]): string {
  const isLoadable = entries.every(({ name, state }) => name !== model || state === '');
  return isLoadable ? `: it is in the repository and not loaded; naiad models load ${model}` : '';
}

/** Behind a sentence about a model that is not there: what could be meant. */
export function knownModels(model: string, names: readonly string[]): string {
  const known = names.length === 0 ? 'The server has no models' : `The server has: ${names.join(', ')}`;
  return `${didYouMean(model, names) || '.'} ${known}`;
}

/** Each name once, sorted. */
export function namesOf(entries: readonly ModelIndexMessage[]): string[] {
  return [...new Set(entries.map(({ name }) => name))].sort();
}
