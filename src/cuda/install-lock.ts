import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InstallError } from './install-error.js';

const NAME = 'installing.pid';

/**
 * Runs `work` while no other process of this machine installs into the same folder; a lock whose process has
 * ended is taken over. Throws {@link InstallError} with the process which has it.
 */
export async function withInstallLock<T>(directory: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, NAME);
  const holder = take(path) ? null : holderOf(path);
  if (holder !== null) throw new InstallError(`process ${holder} installs into '${directory}' already`);
  // Left behind by a process that was killed.
  writeFileSync(path, String(process.pid));
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function take(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The process that holds a lock; null when it has ended. */
function holderOf(path: string): number | null {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (!Number.isSafeInteger(pid) || pid <= 0) return null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    const lives = error instanceof Error && 'code' in error && error.code === 'EPERM';
    return lives ? Number(readFileSync(path, 'utf8')) : null;
  }
}
