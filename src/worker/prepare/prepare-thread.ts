import { ServingError } from '../../errors/serving-error.js';
import { systemClock } from '../../lib/clock.js';
import { invariant, unreachable } from '../../lib/invariant.js';
import { type Machine, readMachine } from '../../quantize/machine.js';
import { artifactKey, type Recipe } from '../../quantize/recipe.js';
import { type OpenStore, openFileStore } from '../../repository/open-file-store.js';
import type { ListedModel } from '../../repository/store.js';
import { locateSamples } from '../build/locate-samples.js';
import { lowerPriority } from '../thread-priority.js';
import type {
  PrepareCalls,
  PrepareKind,
  PrepareReply,
  PrepareRequest,
  ShortListing,
} from './prepare-message.js';

/** Entry of the preparing thread: looks at repositories, copies models and hashes them. */

// By now libuv has its pool, whose threads would otherwise be slow for the whole process.
const canRestore = lowerPriority()?.restore() ?? false;
lowerPriority();

let opened: OpenStore | null = null;
let machine: Machine | null = null;
let warnings: string[] = [];

/** As the serving thread has them from the listing before. */
let listed = new Map<string, ListedModel>();

/** Answers one request; never rejects. Others may come in between while it waits. */
export default async function handle(request: PrepareRequest): Promise<PrepareReply> {
  try {
    const value = await perform(request);
    return { kind: 'done', value, warnings: takeWarnings() };
  } catch (error) {
    const code = error instanceof ServingError ? error.code : null;
    const text = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', error: { code, text }, warnings: takeWarnings() };
  }
}

async function perform(request: PrepareRequest): Promise<PrepareCalls[PrepareKind]['reply']> {
  if (request.kind === 'open') {
    opened = openFileStore(request.places, systemClock, (text) => warnings.push(text));
    return null;
  }
  invariant(opened !== null, 'the preparing thread is told first where models lie');
  const { store, archive, artifacts, holds } = opened;
  switch (request.kind) {
    case 'names':
      return store.names();
    case 'list':
      return list(opened);
    case 'find':
      return store.find(request.name);
    case 'fetchFiles':
      return store.fetchFiles(request.model);
    case 'fetchVersion':
      return store.fetchVersion(request.model, request.version);
    case 'mend':
      return store.mend(request.name, request.version, request.directory);
    case 'openSent':
      return store.openSent(request.name);
    case 'listSent':
      return store.listSent(request.name, request.repository);
    case 'save':
      holds.loaded(request.loaded);
      await archive.save(request.model);
      return null;
    case 'generations':
      return archive.list(request.name);
    case 'release':
      await store.release(request.name);
      return null;
    case 'tend':
      holds.loaded(request.loaded);
      store.tend();
      artifacts?.tend();
      archive.tend();
      return null;
    case 'artifact': {
      const located = await locateSamples(request.recipe, request.samples);
      const artifact = (await artifacts?.find(keyOf(located.recipe))) ?? null;
      return { ...located, artifact };
    }
    case 'discardArtifact':
      artifacts?.discard(keyOf(request.recipe));
      return null;
    case 'priority':
      return canRestore;
    case 'stopReading':
      store.stopReading();
      return null;
    case 'close':
      store.close();
      return null;
    default:
      return unreachable(request);
  }
}

function keyOf(recipe: Recipe): string {
  machine ??= readMachine();
  return artifactKey(recipe, machine);
}

/** Thousands of models at rest are to cost the serving thread next to nothing. */
async function list({ store }: OpenStore): Promise<ShortListing> {
  const { models, unreadable } = await store.list();
  const before = listed;
  listed = new Map(models.map((model) => [model.name, model]));
  return {
    models: models.map((model) => (before.get(model.name) === model ? model.name : model)),
    unreadable,
  };
}

function takeWarnings(): string[] {
  const taken = warnings;
  warnings = [];
  return taken;
}
