import { createHash, randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { errorCode } from './fs-errors.js';

/** What nobody has touched for so long belongs to a process that is gone. */
export const ABANDONED_MS = 3600_000;

/** The folder of a cache for what is not finished. */
export const DRAFTS = 'tmp';

/**
 * A folder of this process for what is not finished, below one that several processes share, possibly on
 * several machines. It must be touched from time to time, since others remove what seems abandoned.
 */
export class Scratch {
  readonly #shared: string;
  readonly #clock: Clock;
  readonly #name = `${ownPrefix()}${randomUUID()}`;
  #serial = 0;

  constructor(shared: string, clock: Clock) {
    this.#shared = shared;
    this.#clock = clock;
  }

  /** A path at which nothing lies yet; the folder that is to hold it does. Throws the system's error. */
  path(): string {
    const own = join(this.#shared, this.#name);
    if (!existsSync(own)) mkdirSync(own, { recursive: true });
    return join(own, String(this.#serial++));
  }

  /** Shows others that this process is there, as far as it may write. */
  announce(): void {
    try {
      const own = join(this.#shared, this.#name);
      if (!existsSync(own)) mkdirSync(own, { recursive: true });
    } catch {
      // Nobody who can't see it can remove what it reads, or it is seen by what it has touched.
    }
  }

  /** Whether another process that may be alive has a folder here. */
  hasOthers(): boolean {
    return namesIn(this.#shared).some((name) => name !== this.#name && !this.#isAbandoned(name));
  }

  touch(): void {
    touch(join(this.#shared, this.#name), this.#clock);
  }

  /** Removes what processes that are gone have left. */
  clean(): void {
    for (const name of namesIn(this.#shared)) {
      if (name !== this.#name && this.#isAbandoned(name)) removeTree(join(this.#shared, name));
    }
  }

  /** Removes the folder and what is in it. */
  remove(): void {
    removeTree(join(this.#shared, this.#name));
  }

  #isAbandoned(name: string): boolean {
    const [origin, pid] = name.split('-');
    if (origin === machine() && !isAlive(Number(pid))) return true;
    return this.#clock.wallMs() - modifiedMs(join(this.#shared, name)) > ABANDONED_MS;
  }
}

/** Removes all that this process has not finished in a cache, whichever thread began it: the process ends now. */
export function removeDrafts(cache: string): void {
  const shared = join(cache, DRAFTS);
  for (const name of namesIn(shared).filter((other) => other.startsWith(ownPrefix()))) {
    // A thread that still writes may put something into it meanwhile.
    for (let tries = 0; tries < 3 && existsSync(join(shared, name)); tries++) removeTree(join(shared, name));
  }
}

/** Says that a folder is in use. Returns whether it is there. */
export function touch(path: string, clock: Clock): boolean {
  const seconds = clock.wallMs() / 1000;
  try {
    utimesSync(path, seconds, seconds);
    return true;
  } catch {
    return false;
  }
}

/** When a folder was last touched, ms since the epoch; Infinity when it is not there. */
export function modifiedMs(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Names in a folder; none when it can't be read. */
export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Removes a folder as far as that is allowed. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It is another user's; whoever owns it removes it.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** Of the names of this process's folders. */
function ownPrefix(): string {
  return `${machine()}-${process.pid}-`;
}

let boot: string | null = null;

/** Another one after each start of the machine; '' where the system does not tell. */
export function bootId(): string {
  boot ??= textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  return boot;
}

let machineId = '';

/** Tells process ids of one machine, or container, from those of another. */
function machine(): string {
  if (machineId !== '') return machineId;
  const parts = [hostname(), bootId(), textOf(() => readlinkSync('/proc/self/ns/pid'))];
  machineId = createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 16);
  return machineId;
}

/** Only Linux has these. */
function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
