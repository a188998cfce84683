import { REPORT_PREFIX } from '../model-config/quantization-parameters.js';
import { CallError, type ServerClient } from './client.js';
import { EXIT } from './exit-codes.js';
import type { Io } from './io.js';
import type { LoadParameter } from './load-files.js';
import type { ModelIndexMessage } from './messages.js';
import { startProgress } from './progress.js';
import { readIndex, withModelsToLoad } from './read-index.js';

/** What is read of a model's configuration here. */
interface ConfigMessage {
  readonly parameters?: Readonly<Record<string, { readonly string_value?: string }>>;
}

/** Something to do with a model on a running server. */
export interface ModelAction {
  readonly model: string;
  readonly json: boolean;
}

/** Loads a model and tells what is served then. */
export async function loadModel(
  client: ServerClient,
  { model, json }: ModelAction,
  parameters: Readonly<Record<string, LoadParameter>>,
  io: Io,
): Promise<number> {
  await during(io, `loading ${model}`, () =>
    client.call('RepositoryModelLoad', { model_name: model, parameters }),
  ).catch(async (error: unknown) => {
    throw await withModelsToLoad(client, withControlHint(error, 'explicit'), model);
  });
  return tellState(client, { model, json }, 'is loaded', io);
}

/** Unloads a model; returns when its memory has been given back. */
export async function unloadModel(client: ServerClient, action: ModelAction, io: Io): Promise<number> {
  await during(io, `unloading ${action.model}`, () =>
    client.call('RepositoryModelUnload', { model_name: action.model }),
  ).catch((error: unknown) => {
    throw withControlHint(error, 'explicit');
  });
  return tellState(client, action, 'is unloaded', io);
}

/** Returns a model to what was served before and tells what is served then. */
export async function rollBackModel(client: ServerClient, action: ModelAction, io: Io): Promise<number> {
  await during(io, `rolling back ${action.model}`, () =>
    client.callLifecycle('Rollback', { name: action.model }),
  ).catch(async (error: unknown) => {
    const hinted = withControlHint(error, 'poll or --model-control-mode=explicit');
    throw await withModelsToLoad(client, hinted, action.model);
  });
  return tellState(client, action, 'is rolled back', io);
}

async function during(io: Io, text: string, act: () => Promise<unknown>): Promise<void> {
  const progress = startProgress(io);
  progress.show(text);
  try {
    await act();
  } finally {
    progress.end();
  }
}

/** A server that was not started for this answers with a text that does not say so. */
function withControlHint(error: unknown, modes: string): unknown {
  if (!(error instanceof CallError) || !error.message.startsWith('explicit model load / unload'))
    return error;
  return new CallError(error.code, `${error.message}: start the server with --model-control-mode=${modes}`, {
    cause: error,
  });
}

async function tellState(
  client: ServerClient,
  { model, json }: ModelAction,
  verb: string,
  io: Io,
): Promise<number> {
  // It is done: that the index can't be read any more takes nothing from that.
  const index = await readIndex(client).catch((): readonly ModelIndexMessage[] => []);
  const entries = index.filter(({ name }) => name === model);
  const ready = entries.filter(({ state }) => state === 'READY').map(({ version }) => version);
  const versions = ready.length === 0 ? '' : `, version${ready.length === 1 ? '' : 's'} ${ready.join(', ')}`;
  if (json) {
    io.out(`${JSON.stringify(entries, null, 2)}\n`);
    return EXIT.ok;
  }
  const outcomes = await Promise.all(ready.map((version) => quantizationOf(client, model, version)));
  io.out(`${model} ${verb}${versions}\n${outcomes.join('')}`);
  return EXIT.ok;
}

/** A line that says what came of quantizing a version; '' where that was not asked for. */
async function quantizationOf(client: ServerClient, name: string, version: string): Promise<string> {
  const { config } = await client
    .call<{ config: ConfigMessage | null }>('ModelConfig', { name, version })
    .catch(() => ({ config: null }));
  const told = (setting: string): string =>
    config?.parameters?.[`${REPORT_PREFIX}${setting}`]?.string_value ?? '';
  switch (told('outcome')) {
    case 'quantized':
      return `version ${version} is quantized (${told('mode')})\n`;
    case 'original':
      return `version ${version} is served as it is: ${told('reason')}\n`;
    default:
      return '';
  }
}
