/** Where a revision, one content and configuration of a model version, stands in its life. */
export type RevisionState =
  /** Files are read, sessions created and warmed up. */
  | 'LOADING'
  /** Loaded, but nobody can ask it: not published yet, or kept for a roll back. */
  | 'STANDBY'
  /** Published: requests lease it. */
  | 'READY'
  /** Not published any more: what was admitted before is being answered. */
  | 'DRAINING'
  /** Its memory is given back. */
  | 'UNLOADING'
  /** Nothing of it is left. */
  | 'GONE';

/** Legal moves; everything else is a mistake of ours. */
export const MOVES: Readonly<Record<RevisionState, readonly RevisionState[]>> = {
  LOADING: ['STANDBY', 'GONE'],
  STANDBY: ['READY', 'UNLOADING'],
  READY: ['DRAINING'],
  DRAINING: ['READY', 'STANDBY'],
  UNLOADING: ['GONE'],
  GONE: [],
};

/** What the index says of a version, Triton's words. */
export type VersionState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNAVAILABLE';
