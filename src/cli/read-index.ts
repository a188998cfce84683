import { didYouMean } from '../lib/did-you-mean.js';
import { CallError, type ServerClient } from './client.js';
import type { ModelIndexMessage } from './messages.js';

/** Every known version of every model, from a running server. */
export async function readIndex(client: ServerClient): Promise<readonly ModelIndexMessage[]> {
  const { models: entries } = await client.call<{ models: ModelIndexMessage[] }>('RepositoryIndex', {});
  return entries;
}

/** `error`, or when it says that a model is unknown, one that also names those that are known. */
export async function withKnownModels(client: ServerClient, error: unknown, model: string): Promise<unknown> {
  if (!(error instanceof CallError) || error.code !== 'NOT_FOUND') return error;
  const entries = await readIndex(client).catch(() => []);
  const names = namesOf(entries);
  return names.includes(model)
    ? error
    : new CallError(error.code, `${error.message}${knownModels(model, names)}`, { cause: error });
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
