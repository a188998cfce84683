import type { RevisionState, VersionState } from './states.js';

/** Why a version that was taken out of service on purpose is not served, Triton's word. */
export const UNLOADED = 'unloaded';

/** What a row of the index is made of. */
export interface RowSources {
  readonly revisions: readonly { readonly version: number; readonly state: RevisionState }[];
  /** Versions that shall be served; `reason` tells why that failed, '' = it has not. */
  readonly aspired: readonly { readonly version: number; readonly reason: string }[];
  /** Versions that were served once and are still there to be loaded. */
  readonly retired: readonly number[];
}

export interface IndexRow {
  readonly version: number;
  readonly state: VersionState;
  /**
   * Why it is not served; of a served version, why what is to replace it is not. '' when there is nothing
   * to say.
   */
  readonly reason: string;
}

/** One row for each version that is known, ascending. */
export function indexRows({ revisions, aspired, retired }: RowSources): IndexRow[] {
  const live = revisions.filter(({ state }) => state !== 'GONE');
  const versions = new Set([...live, ...aspired].map(({ version }) => version));
  for (const version of retired) versions.add(version);
  return [...versions]
    .sort((a, b) => a - b)
    .map((version) => {
      const states = live.filter((revision) => revision.version === version).map(({ state }) => state);
      const target = aspired.find((candidate) => candidate.version === version);
      const failed = target !== undefined && target.reason !== '';
      if (states.includes('READY')) return { version, state: 'READY', reason: target?.reason ?? '' };
      if (states.includes('LOADING') || (target !== undefined && !failed)) {
        return { version, state: 'LOADING', reason: '' };
      }
      if (failed) return { version, state: 'UNAVAILABLE', reason: target.reason };
      return states.includes('DRAINING') || states.includes('UNLOADING')
        ? { version, state: 'UNLOADING', reason: '' }
        : { version, state: 'UNAVAILABLE', reason: UNLOADED };
    });
}
