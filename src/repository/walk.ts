import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../model-config/findings.js';
import { LIMITS } from '../settings/limits.js';
import { folderEntries } from './folder-entries.js';
import { errorCode, readFailure } from './fs-errors.js';
import { isInside } from './paths.js';

/** A file as it lies there now, nothing of it read. */
export interface FoundFile {
  /** Relative to the folder of its part, with `/`. */
  readonly path: string;
  readonly size: number;
  /** Size, times and identity: another one whenever the content may be another. */
  readonly stamp: string;
}

/** The files of a model that are fetched together: those of one version, or all others. */
export interface Part {
  /** Absolute path. */
  readonly directory: string;
  /** By path. */
  readonly files: readonly FoundFile[];
  /** What lies at its top, sorted, hidden names left out. */
  readonly names: readonly string[];
  /** Made of the names and stamps of all files, and of what was found. */
  readonly signature: string;
  /** When the youngest file, or folder of them, changed, ms since the epoch; 0 when nothing was found. */
  readonly changedMs: number;
  /** Whether the file system tells times in fractions of a second, so that each change has its own. */
  readonly finelyTimed: boolean;
  readonly findings: readonly Finding[];
}

/** How much may still be found in a model. */
export interface Budget {
  entries: number;
}

export interface PartPlace {
  /** Real path that nothing may lead out of. */
  readonly repository: string;
  /** Absolute path of the part. */
  readonly directory: string;
  /** Of paths in findings, which are relative to the model's folder: `` or `1/`. */
  readonly prefix: string;
  /** What findings call the part's folder. */
  readonly label: string;
  readonly budget: Budget;
}

/** Ends a walk whose budget is used up. */
class BudgetError extends Error {}

/**
 * Looks at the files of one part of a model, links followed. All calls are synchronous: they are made in
 * a thread of their own, where that costs a fourth of the processor time, and a file system that hangs
 * holds up this thread only, not libuv's pool that the whole process shares.
 */
export class PartWalk {
  readonly #repository: string;
  readonly #directory: string;
  readonly #prefix: string;
  readonly #label: string;
  readonly #budget: Budget;
  readonly #files: FoundFile[] = [];
  readonly #names: string[] = [];
  readonly #findings: Finding[] = [];
  #changedNs = 0n;
  #finelyTimed = true;

  constructor({ repository, directory, prefix, label, budget }: PartPlace) {
    this.#repository = repository;
    this.#directory = directory;
    this.#prefix = prefix;
    this.#label = label;
    this.#budget = budget;
  }

  /** Notes everything at and below the part's folder. */
  whole(): void {
    this.#bounded(() => this.#folder('', 1));
  }

  /** Notes the files at the top of the part's folder and tells the names there. */
  top(): { files: string[]; folders: string[] } {
    let folders: string[] = [];
    this.#bounded(() => {
      folders = this.#look('');
    });
    return { files: this.#files.map(({ path }) => path).sort(), folders };
  }

  /** Notes everything at and below one folder at the top. */
  below(folder: string): void {
    this.#bounded(() => this.#folder(folder, 2));
  }

  report(severity: Finding['severity'], message: string): void {
    this.#findings.push({ severity, file: '', line: 0, message });
  }

  /** Whether a link leads out of the repository, which is reported, or nowhere. */
  leadsAway(path: string): boolean {
    const where = path === '' ? this.#label : `'${this.#prefix}${path}'`;
    const link = join(this.#directory, path);
    try {
      const target = realpathSync.native(link);
      if (!isInside(this.#repository, target)) {
        this.report('error', `${where} is a symbolic link that leads outside the model repository`);
        return true;
      }
      const holder = realpathSync.native(join(link, '..'));
      if (path !== '' && isInside(target, holder)) {
        this.report('error', `${where} is a symbolic link to a folder that holds it`);
        return true;
      }
      return false;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') {
        this.report('warning', `${where} is ignored: it is a symbolic link that leads nowhere`);
      } else {
        this.report('error', `can't read ${where}: ${readFailure(error)}`);
      }
      return true;
    }
  }

  /** Counts a folder's own times, which tell of files that were removed or renamed in it. */
  noteTimes({ ctimeNs }: BigIntStats): void {
    if (ctimeNs > this.#changedNs) this.#changedNs = ctimeNs;
  }

  finish(): Part {
    const files = this.#files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const digest = createHash('sha256').update(`${this.#directory}\0`);
    for (const { path, stamp } of files) digest.update(`${path}\0${stamp}\0`);
    digest.update(JSON.stringify(this.#findings));
    return {
      directory: this.#directory,
      files,
      names: this.#names.sort(),
      signature: digest.digest('hex').slice(0, 32),
      changedMs: Number(this.#changedNs / 1000n) / 1000,
      finelyTimed: this.#finelyTimed,
      findings: this.#findings,
    };
  }

  #bounded(walk: () => void): void {
    try {
      walk();
    } catch (error) {
      if (!(error instanceof BudgetError)) throw error;
      const message = `it has more than ${LIMITS.modelFilesMax} files and folders, the most that are taken`;
      if (!this.#findings.some((finding) => finding.message === message)) this.report('error', message);
    }
  }

  #folder(path: string, depth: number): void {
    if (depth > LIMITS.modelDepthMax) {
      this.report('error', `'${this.#prefix}${path}' lies more than ${LIMITS.modelDepthMax} folders deep`);
      return;
    }
    for (const name of this.#look(path)) this.#folder(below(path, name), depth + 1);
  }

  /** Notes the files of one folder and tells the folders in it; what has just vanished is left out. */
  #look(path: string): string[] {
    const directory = join(this.#directory, path);
    const folders: string[] = [];
    try {
      this.noteTimes(statSync(directory, { bigint: true }));
      for (const entry of folderEntries(directory)) {
        if (entry.name.startsWith('.')) continue;
        if (--this.#budget.entries < 0) throw new BudgetError();
        const found = this.#entry(below(path, entry.name));
        if (found === 'folder') folders.push(entry.name);
        if (found !== null && path === '') this.#names.push(entry.name);
      }
    } catch (error) {
      if (error instanceof BudgetError) throw error;
      const where = path === '' ? this.#label : `folder '${this.#prefix}${path}'`;
      if (errorCode(error) !== 'ENOENT') this.report('error', `can't read ${where}: ${readFailure(error)}`);
    }
    return folders.sort();
  }

  #entry(path: string): 'file' | 'folder' | null {
    const absolute = join(this.#directory, path);
    try {
      let stats = lstatSync(absolute, { bigint: true });
      if (stats.isSymbolicLink()) {
        this.noteTimes(stats);
        if (this.leadsAway(path)) return null;
        stats = statSync(absolute, { bigint: true });
      }
      if (stats.isDirectory()) return 'folder';
      if (stats.isFile()) {
        this.#file(path, stats);
        return 'file';
      }
      this.report('warning', `'${this.#prefix}${path}' is ignored: it is no plain file`);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      this.report('error', `can't read '${this.#prefix}${path}': ${readFailure(error)}`);
    }
    return null;
  }

  #file(path: string, stats: BigIntStats): void {
    this.noteTimes(stats);
    if (stats.ctimeNs % 1_000_000_000n === 0n) this.#finelyTimed = false;
    this.#files.push({ path, size: Number(stats.size), stamp: stampOf(stats) });
  }
}

function below(path: string, name: string): string {
  return path === '' ? name : `${path}/${name}`;
}

/** See {@link FoundFile.stamp}. */
export function stampOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${size}:${mtimeNs}:${ctimeNs}:${ino}`;
}
