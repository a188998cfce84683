import { goOn, type InstancePool } from './instance-pool.js';
import { type LoadContext, sessionKeys } from './load-revision.js';
import type { Revision, Target } from './revision.js';

/** Whether a target needs sessions that are not there, and what it replaces has some that it does not need. */
export function needsRoom(
  context: LoadContext,
  pool: InstancePool,
  revisions: ReadonlySet<Revision>,
  { generation: { source }, version }: Target,
): boolean {
  const keys = sessionKeys(context, { source, version, statistics: null });
  if (pool.covers(keys)) return false;
  return ![...revisions].some(
    (revision) =>
      revision.version.version === version.version &&
      revision.isLoaded &&
      goOn(revision.loaded.instances, keys),
  );
}
