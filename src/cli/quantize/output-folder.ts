import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readFailure } from '../../repository/fs-errors.js';
import { CommandError } from '../exit-codes.js';

/** A folder that gets all of a result at once, or nothing. */
export class OutputFolder {
  readonly #path: string;
  readonly #shown: string;
  #draft: string | null = null;

  /** Throws {@link CommandError} when there is something in it already, or it can't be looked at. */
  constructor(path: string) {
    this.#path = resolve(path);
    this.#shown = path;
    this.#mustBeFree();
  }

  /** Absolute path of an empty folder on the same file system, for what becomes the result, and for work beside it. */
  begin(): { readonly result: string; readonly work: string } {
    try {
      const parent = dirname(this.#path);
      mkdirSync(parent, { recursive: true });
      this.#draft = mkdtempSync(join(parent, `.${basename(this.#path)}.unfinished-`));
      const result = join(this.#draft, 'result');
      mkdirSync(result);
      return { result, work: join(this.#draft, 'work') };
    } catch (error) {
      throw new CommandError(`can't write to ${dirname(this.#shown)}: ${readFailure(error)}`, {
        cause: error,
      });
    }
  }

  /** Puts the result in its place. Throws {@link CommandError} when something lies there by now. */
  publish(): void {
    if (this.#draft === null) return;
    this.#mustBeFree();
    try {
      renameSync(join(this.#draft, 'result'), this.#path);
    } catch (error) {
      throw new CommandError(`can't write ${this.#shown}: ${readFailure(error)}`, { cause: error });
    }
    this.abandon();
  }

  /** Removes whatever is not finished; at any time, several times. */
  abandon(): void {
    if (this.#draft !== null) rmSync(this.#draft, { recursive: true, force: true });
    this.#draft = null;
  }

  #mustBeFree(): void {
    let names: string[];
    try {
      names = readdirSync(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw new CommandError(`can't write to ${this.#shown}: ${readFailure(error)}`, { cause: error });
    }
    if (names.length > 0) {
      throw new CommandError(`${this.#shown} is not empty: name a new folder, what is there stays as it is`);
    }
  }
}
