import { readReloadPolicy } from '../model-config/reload-policy.js';
import type { ReloadPolicy } from '../settings/settings.js';
import type { Generation } from './generation.js';
import { InstancePool } from './instance-pool.js';
import { type LoadContext, prepareRevision } from './load-revision.js';

/**
 * Has made what a generation is loaded from, before the old one makes room for it: requests wait for the
 * new sessions only. What can't be made is no matter here: it shows when it is loaded.
 */
export async function prepareAhead(
  context: LoadContext & { readonly reloadPolicy: ReloadPolicy },
  { source, versions }: Generation,
): Promise<void> {
  const policy = readReloadPolicy(source.config) ?? context.reloadPolicy;
  if (context.artifacts === undefined || policy !== 'memory-preserving') return;
  const nothingLoaded = new InstancePool(() => {});
  for (const version of versions) {
    await prepareRevision(context, nothingLoaded, { source, version, statistics: null }).catch(() => null);
  }
}
