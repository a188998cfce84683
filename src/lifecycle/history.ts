/** Something that happened to a model. */
export type LifecycleEvent =
  | 'loading'
  | 'ready'
  | 'failed'
  | 'draining'
  | 'warm'
  | 'unloading'
  | 'unloaded'
  /** Its folder or configuration can't be used; what was served still is. */
  | 'rejected';

/** One step of an event that took time, like `session` or `warm-up`. */
export interface HistoryStep {
  readonly name: string;
  readonly ms: number;
}

export interface HistoryEntry {
  /** Wall-clock time, ms since the epoch. */
  readonly atMs: number;
  /** null = the model as a whole. */
  readonly version: number | null;
  readonly event: LifecycleEvent;
  /** What led to it, for people. */
  readonly why: string;
  /** In the order they were taken; empty for events that take no time. */
  readonly steps: readonly HistoryStep[];
}
