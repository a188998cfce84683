import { readdirSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Steps of niceness: beside busy threads of normal priority about a tenth of a core is left. */
const STEPS_DOWN = 10;
const NICE_MAX = 19;

/** The threads of this process. */
const THREADS = '/proc/self/task';

/** Niceness of the serving thread, which every thread starts with, and of those that leave it the cores. */
interface Niceness {
  readonly normal: number;
  readonly low: number;
}

/** Until `restore` the calling thread has a low priority, and so have the threads that it starts. */
export interface LoweredPriority {
  /**
   * Gives this thread and those that it has started the normal priority. Never throws; false when one of
   * them may have kept the low one, since without CAP_SYS_NICE or RLIMIT_NICE the way leads down only.
   */
  restore(): boolean;
}

/** Lowers the priority of the calling thread alone; null where that can't be done. */
export function lowerPriority(): LoweredPriority | null {
  const niceness = readNiceness();
  const threadsBefore = new Set(threadIds());
  if (niceness === null || threadsBefore.size === 0) return null;
  change(0, niceness.low);
  return { restore: () => restore(threadsBefore, niceness) };
}

/**
 * Calls `start` and keeps the threads that it starts at low priority, from their first instruction, until
 * its promise settles: a thread of Node costs as much to start as a small model to load. A thread that
 * another one starts at the same moment may be taken for one of them, for as long.
 */
export async function startAtLowPriority<T>(start: () => Promise<T>): Promise<T> {
  const niceness = readNiceness();
  const threadsBefore = new Set(threadIds());
  const result = start();
  if (niceness === null || threadsBefore.size === 0) return result;
  const started = threadIds().filter((id) => !threadsBefore.has(id));
  for (const id of started) change(id, niceness.low);
  try {
    return await result;
  } finally {
    for (const id of started) if (hasPriority(id, niceness.low)) change(id, niceness.normal);
  }
}

/**
 * null where threads can't be lowered: only on Linux does a priority belong to a thread, elsewhere this
 * would slow down the whole process.
 */
function readNiceness(): Niceness | null {
  if (process.platform !== 'linux') return null;
  // The main thread bears the id of the process.
  const normal = getPriority(process.pid);
  const low = Math.min(NICE_MAX, normal + STEPS_DOWN);
  return low > normal ? { normal, low } : null;
}

/**
 * A thread inherits the priority of the one that starts it and keeps it: those of a session's pools would
 * be slow for ever. A thread of another lane that is found here too only loads less gently then.
 */
function restore(threadsBefore: ReadonlySet<number>, { normal, low }: Niceness): boolean {
  change(0, normal);
  const threads = threadIds();
  const started = threads.filter((id) => !threadsBefore.has(id) && hasPriority(id, low));
  for (const id of started) change(id, normal);
  return threads.length > 0 && ![0, ...started].some((id) => hasPriority(id, low));
}

/** Tries to; the thread may have ended, or this process may not. `id` 0 is the calling thread. */
function change(id: number, priority: number): void {
  try {
    setPriority(id, priority);
  } catch {
    // Whoever needs to know looks at the priority that it has now.
  }
}

/** False for threads that have ended. */
function hasPriority(id: number, priority: number): boolean {
  try {
    return getPriority(id) === priority;
  } catch {
    return false;
  }
}

/** Empty where the system does not tell, or tells of processes as another namespace numbers them. */
function threadIds(): number[] {
  try {
    const ids = readdirSync(THREADS).map(Number);
    return ids.includes(process.pid) ? ids : [];
  } catch {
    return [];
  }
}
