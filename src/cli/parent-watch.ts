import type { Clock } from '../lib/clock.js';

const LOOK_EVERY_NS = 500e6;

/**
 * Calls `onGone` once when the parent process has ended. npm runs scripts in a shell which dies of a
 * signal without passing it on: without this a server started by `npm start` would outlive its end.
 */
export function watchParent(clock: Clock, parentPid: () => number, onGone: () => void): void {
  const parent = parentPid();
  const look = (): void => {
    if (parentPid() === parent) clock.setTimer(LOOK_EVERY_NS, look);
    else onGone();
  };
  clock.setTimer(LOOK_EVERY_NS, look);
}
