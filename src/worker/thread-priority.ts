import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Steps of niceness: beside busy threads of normal priority about a tenth of a core is left. */
const STEPS_DOWN = 10;
const NICE_MAX = 19;

/** The threads of this process. */
const THREADS = '/proc/self/task';

/** Until `restore` the calling thread has a low priority, and so have the threads that it starts. */
export interface LoweredPriority {
  /**
   * Gives this thread and those that it has started the priority of before. Never throws; false when one
   * of them had to keep the low one, since without CAP_SYS_NICE or RLIMIT_NICE the way leads down only.
   */
  restore(): boolean;
}

/**
 * Lowers the priority of the calling thread alone; null where that can't be done. Only on Linux does a
 * priority belong to a thread, elsewhere this would slow down the whole process.
 */
export function lowerPriority(): LoweredPriority | null {
  if (process.platform !== 'linux') return null;
  try {
    const threadsBefore = new Set(threadIds());
    const normal = getPriority(0);
    const low = Math.min(NICE_MAX, normal + STEPS_DOWN);
    if (low === normal) return null;
    setPriority(0, low);
    return { restore: () => restore(threadsBefore, low, normal) };
  } catch {
    return null;
  }
}

/**
 * A thread inherits the priority of the one that starts it and keeps it: those of a session's pools would
 * be slow for ever. A thread of another lane that is found here too only loads less gently then.
 */
function restore(threadsBefore: ReadonlySet<number>, low: number, normal: number): boolean {
  const isRestored = raise(0, low, normal);
  try {
    const started = threadIds().filter((id) => !threadsBefore.has(id) && hasPriority(id, low));
    return started.map((id) => raise(id, low, normal)).every((raised) => raised) && isRestored;
  } catch {
    return false;
  }
}

/** False when the thread lives and still has the low priority. */
function raise(id: number, low: number, normal: number): boolean {
  try {
    setPriority(id, normal);
  } catch {
    // It may have ended, or this process may not: what it has now tells.
  }
  return !hasPriority(id, low);
}

/** `id` 0 is the calling thread; false for threads that have ended. */
function hasPriority(id: number, priority: number): boolean {
  try {
    return getPriority(id) === priority;
  } catch {
    return false;
  }
}

function threadIds(): number[] {
  return readdirSync(THREADS).map(Number);
}
