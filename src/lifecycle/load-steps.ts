import type { HistoryStep } from './history.js';

/** What led to a load. */
export interface LoadPrelude {
  /** Reading, hashing and copying; 0 when nothing had to be read. */
  readonly readNs: number;
  /** How many of the load's own steps came before it waited for its turn. */
  readonly prepared: number;
  readonly waitedNs: number;
}

/** All steps of a load in the order they were taken; reading and waiting where they took a millisecond. */
export function loadSteps(
  steps: readonly HistoryStep[],
  { readNs, prepared, waitedNs }: LoadPrelude,
): HistoryStep[] {
  return [
    ...stepOf('read', readNs),
    ...steps.slice(0, prepared),
    ...stepOf('wait', waitedNs),
    ...steps.slice(prepared),
  ];
}

function stepOf(name: string, ns: number): HistoryStep[] {
  return ns < 1e6 ? [] : [{ name, ms: Math.round(ns / 1e5) / 10 }];
}
