/** Reads a small file of the kernel; null when it is not there or not readable. */
export type ReadText = (path: string) => string | null;

const ROOT = '/sys/fs/cgroup';

/**
 * Processors that this process may keep busy: what the scheduler lets it run on (`affinity`), cut by
 * the quota of its cgroup. A fraction is left to the thread that owns the sockets: lanes that share
 * less than their number of processors would all be stopped together in every period.
 */
export function availableCores(affinity: number, readText: ReadText): number {
  const quota = cgroupQuota(readText);
  return Math.max(1, Math.min(affinity, Math.floor(quota)));
}

/** Processors worth of time that the cgroup may use (v2 and v1), Infinity when it is not limited. */
export function cgroupQuota(readText: ReadText): number {
  const membership = parseCgroup(readText('/proc/self/cgroup') ?? '');
  let quota = Number.POSITIVE_INFINITY;
  if (membership.unified !== null) {
    for (const folder of foldersUpTo(membership.unified)) {
      quota = Math.min(quota, parseCpuMax(readText(`${ROOT}${folder}/cpu.max`) ?? ''));
    }
  }
  if (membership.cpu !== null) {
    for (const folder of foldersUpTo(membership.cpu)) {
      const period = Number(readText(`${ROOT}/cpu${folder}/cpu.cfs_period_us`) ?? '');
      const time = Number(readText(`${ROOT}/cpu${folder}/cpu.cfs_quota_us`) ?? '');
      if (time > 0 && period > 0) quota = Math.min(quota, time / period);
    }
  }
  return quota;
}

/** `cpu.max` of cgroup v2: `QUOTA PERIOD` in microseconds or `max PERIOD`. Infinity when unlimited. */
export function parseCpuMax(text: string): number {
  const [quota, period = '100000'] = text.trim().split(/\s+/);
  const value = Number(quota) / Number(period);
  return quota !== '' && value > 0 ? value : Number.POSITIVE_INFINITY;
}

/** The folders of a process in `/proc/self/cgroup`: of the unified tree and of v1's cpu controller. */
export function parseCgroup(text: string): { unified: string | null; cpu: string | null } {
  let unified: string | null = null;
  let cpu: string | null = null;
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, id, controllers = '', folder = '/'] = match;
    if (id === '0' && controllers === '') unified = folder;
    else if (controllers.split(',').includes('cpu')) cpu = folder;
  }
  return { unified, cpu };
}

/**
 * A folder and its parents: each may set a limit. In a container the tree is often mounted so that the
 * process's folder is the root, which the last entry covers.
 */
function foldersUpTo(folder: string): string[] {
  const folders: string[] = [];
  for (let rest = folder.replace(/\/+$/, ''); rest !== ''; rest = rest.slice(0, rest.lastIndexOf('/'))) {
    folders.push(rest);
  }
  folders.push('');
  return folders;
}
