import { type Catalog, isServed } from '../lifecycle/catalog.js';
import type { RepositoryControl } from '../lifecycle/control.js';
import type { Log } from '../telemetry/log.js';
import type { IndexEntry } from './views.js';

/** What an index is made of. */
export interface IndexSources {
  readonly catalog: Catalog;
  readonly control: RepositoryControl;
  readonly log: Log;
}

/**
 * Every version that is known, and the name of every model that lies in a repository and was never
 * loaded. By name, then version.
 */
export async function repositoryIndex(
  { catalog, control, log }: IndexSources,
  readyOnly: boolean,
): Promise<readonly IndexEntry[]> {
  if (readyOnly)
    return catalog
      .names()
      .flatMap((name) => entriesOf(catalog, name))
      .filter(isReady);
  let there: ReadonlySet<string> | null = null;
  try {
    there = new Set(await control.names());
  } catch (error) {
    // What is served can be told without the repository.
    log.warn({ err: error }, 'the index lists only models that are known, the repository can not be read');
  }
  const names = new Set([...catalog.names(), ...(there ?? [])]);
  return [...names].sort().flatMap((name): readonly IndexEntry[] => {
    const entries = entriesOf(catalog, name);
    if (there === null) return entries;
    if (there.has(name)) return entries.length > 0 ? entries : [neverLoaded(name)];
    // Its folder is gone: nothing can come back to life.
    return catalog.versions(name).some(({ state }) => state !== 'UNAVAILABLE') ? entries : [];
  });
}

/** One entry per known version; a model that is not served as a whole has one without a version. */
function entriesOf(catalog: Catalog, name: string): IndexEntry[] {
  const reason = catalog.reason(name);
  const whole: IndexEntry[] = reason === '' ? [] : [{ name, version: '', state: 'UNAVAILABLE', reason }];
  const versions = catalog.versions(name).map((entry): IndexEntry => {
    const isLost = entry.state === 'READY' && !isServed(entry);
    return {
      name,
      version: String(entry.version),
      state: isLost ? 'UNAVAILABLE' : entry.state,
      reason: isLost ? 'its worker has stopped and is being replaced' : entry.reason,
    };
  });
  return [...whole, ...versions];
}

const isReady = ({ state }: IndexEntry): boolean => state === 'READY';

const neverLoaded = (name: string): IndexEntry => ({ name, version: '', state: '', reason: '' });
