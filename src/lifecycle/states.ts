/** Where a model version stands in its life. */
export type VersionState =
  /** Files are read, sessions created; nothing can be asked yet. */
  | 'LOADING'
  /** Published: requests lease it. */
  | 'READY'
  /** Unpublished: what was accepted is being answered, then its memory is given back. */
  | 'UNLOADING'
  /** Not served; the reason says why. */
  | 'UNAVAILABLE';

/** Legal moves; everything else is a mistake of ours. */
export const MOVES: Readonly<Record<VersionState, readonly VersionState[]>> = {
  LOADING: ['READY', 'UNAVAILABLE'],
  READY: ['UNLOADING'],
  UNLOADING: ['UNAVAILABLE'],
  UNAVAILABLE: ['LOADING'],
};
