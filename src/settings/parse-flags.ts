import { didYouMean } from '../lib/did-you-mean.js';
import { type Flag, readBoolean } from './flag.js';

/** What a command line said. All mistakes are found at once, one line of text each. */
export interface ParsedFlags {
  /** `--help` or `-h` stood somewhere. */
  readonly help: boolean;
  readonly positionals: readonly string[];
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
  /** The value of a flag, the last one where it stood more than once. */
  get<T>(flag: Flag<T>): T;
  /** All values of a repeatable flag in order; empty when it was not given. */
  all<T>(flag: Flag<T>): readonly T[];
  given<T>(flag: Flag<T>): boolean;
}

/** Flags of another server's command line: what to say to them. */
export interface ForeignFlags {
  readonly names: readonly string[];
  /** null when the name is not one of theirs. */
  judge(name: string, value: string | null): ForeignVerdict | null;
}

export type ForeignVerdict = { readonly kind: 'fine' } | { readonly kind: 'warning'; readonly text: string };

const NO_FOREIGN_FLAGS: ForeignFlags = { names: [], judge: () => null };

/**
 * Reads a command line in the way of getopt_long: `--flag=value`, `--flag value`, booleans with or
 * without a value, `--` before words that look like flags. Never throws.
 */
export function parseFlags(
  argv: readonly string[],
  flags: readonly Flag<unknown>[],
  foreign: ForeignFlags = NO_FOREIGN_FLAGS,
): ParsedFlags {
  const parser = new FlagParser(flags, foreign);
  parser.parse(argv);
  return parser;
}

class FlagParser implements ParsedFlags {
  help = false;
  readonly positionals: string[] = [];
  readonly mistakes: string[] = [];
  readonly warnings: string[] = [];
  readonly #values = new Map<string, unknown[]>();
  readonly #flags = new Map<string, Flag<unknown>>();
  readonly #foreign: ForeignFlags;

  constructor(flags: readonly Flag<unknown>[], foreign: ForeignFlags) {
    this.#foreign = foreign;
    for (const flag of flags) {
      for (const name of [flag.name, ...flag.aliases]) this.#flags.set(name, flag);
    }
  }

  get<T>(flag: Flag<T>): T {
    // Values under a flag's name were made by its own `read`.
    const value = this.#values.get(flag.name)?.at(-1) as T | undefined;
    return value === undefined ? flag.fallback : value;
  }

  all<T>(flag: Flag<T>): readonly T[] {
    return (this.#values.get(flag.name) ?? []) as T[];
  }

  given<T>(flag: Flag<T>): boolean {
    return this.#values.has(flag.name);
  }

  parse(argv: readonly string[]): void {
    let index = 0;
    while (index < argv.length) {
      const word = argv[index++] ?? '';
      if (word === '--') {
        this.positionals.push(...argv.slice(index));
        return;
      }
      if (word === '--help' || word === '-h') this.help = true;
      else if (word.startsWith('--')) index += this.#take(word.slice(2), argv[index]);
      else if (word.startsWith('-') && word.length > 1 && !isNumber(word)) this.#unknown(word, '');
      else this.positionals.push(word);
    }
  }

  /** Reads one flag; returns how many of the following words belong to it. */
  #take(text: string, following: string | undefined): 0 | 1 {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const inline = equals < 0 ? null : text.slice(equals + 1);
    const flag = this.#flags.get(name);
    const next = inline === null && following !== undefined && !following.startsWith('--') ? following : null;
    if (flag === undefined) {
      const verdict = this.#foreign.judge(name, inline ?? next);
      if (verdict === null) this.#unknown(`--${name}`, name);
      else if (verdict.kind === 'warning') this.warnings.push(verdict.text);
      // The word behind an unknown flag is most likely its value: one line about it is enough.
      return next !== null ? 1 : 0;
    }
    if (inline !== null) return this.#set(flag, name, inline);
    if (flag.argument === 'none') return this.#set(flag, name, 'true');
    if (flag.argument === 'optional') {
      if (next === null || readBoolean(next) === undefined) return this.#set(flag, name, 'true');
    } else if (next === null) {
      this.mistakes.push(`--${name} needs a value: ${flag.allowed}`);
      return 0;
    }
    this.#set(flag, name, next);
    return 1;
  }

  #set(flag: Flag<unknown>, name: string, text: string): 0 {
    const value = flag.read(text);
    if (value === undefined) {
      this.mistakes.push(`--${name}=${text}: expected ${flag.allowed}${didYouMean(text, flag.choices)}`);
      return 0;
    }
    const values = this.#values.get(flag.name);
    if (values === undefined) this.#values.set(flag.name, [value]);
    else values.push(value);
    return 0;
  }

  #unknown(word: string, name: string): void {
    const hint = didYouMean(name, [...this.#flags.keys(), ...this.#foreign.names]);
    this.mistakes.push(`unknown flag '${word}'${hint.replace("'", "'--")}`);
  }
}

function isNumber(word: string): boolean {
  return /^-[\d.]/.test(word);
}
