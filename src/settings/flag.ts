/**
 * One command line flag as data. `read` turns the text of a value into the value, or undefined when
 * the text is not allowed; `allowed` says in words what is.
 */
export interface Flag<T> {
  readonly name: string;
  /** Other names, understood but not advertised in the usage line. */
  readonly aliases: readonly string[];
  readonly group: string;
  readonly help: string;
  /** `optional`: `--flag` alone means true; a following word is taken only when it is a boolean. */
  readonly argument: 'none' | 'optional' | 'required';
  /** What stands for the value in help texts. */
  readonly placeholder: string;
  readonly repeatable: boolean;
  /** The value where the flag is not given. */
  readonly fallback: T;
  /** The fallback in words; '' when there is none worth a word. */
  readonly fallbackText: string;
  readonly allowed: string;
  /** Words that are near misses' candidates; empty where values are not words. */
  readonly choices: readonly string[];
  read(text: string): T | undefined;
}

interface FlagText {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group?: string;
  readonly help: string;
  readonly placeholder?: string;
  readonly repeatable?: boolean;
  readonly fallbackText?: string;
}

const WORDS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The boolean that Triton's command line reads from `text`: true, false, 1 or 0 in any case. */
export function readBoolean(text: string): boolean | undefined {
  return WORDS.get(text.toLowerCase());
}

function flagOf<T>(
  text: FlagText,
  rest: Pick<Flag<T>, 'argument' | 'fallback' | 'allowed' | 'read'> & {
    readonly placeholder: string;
    readonly fallbackText: string;
    readonly choices?: readonly string[];
  },
): Flag<T> {
  return {
    ...rest,
    name: text.name,
    aliases: text.aliases ?? [],
    group: text.group ?? '',
    help: text.help,
    placeholder: text.placeholder ?? rest.placeholder,
    repeatable: text.repeatable ?? false,
    fallbackText: text.fallbackText ?? rest.fallbackText,
    choices: rest.choices ?? [],
  };
}

/** A flag that needs no value; off unless given. */
export function switchFlag(text: FlagText): Flag<boolean> {
  return flagOf(text, {
    argument: 'none',
    fallback: false,
    fallbackText: '',
    placeholder: '',
    allowed: 'true or false',
    read: readBoolean,
  });
}

/** `--flag`, `--flag=false` and `--flag false`, as Triton's boolean flags. */
export function booleanFlag(text: FlagText & { readonly fallback: boolean }): Flag<boolean> {
  return flagOf(text, {
    argument: 'optional',
    fallback: text.fallback,
    fallbackText: String(text.fallback),
    placeholder: 'true|false',
    allowed: 'true or false',
    read: readBoolean,
  });
}

interface NumberRange {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

/** A whole number of `min` to `max`. */
export function integerFlag(text: FlagText & NumberRange): Flag<number> {
  return flagOf(text, {
    argument: 'required',
    fallback: text.fallback,
    fallbackText: String(text.fallback),
    placeholder: 'N',
    allowed: `a whole number from ${text.min} to ${text.max}`,
    read: (value) => (/^[+-]?\d+$/.test(value) ? within(Number(value), text) : undefined),
  });
}

/** A number of `min` to `max`, fractions allowed. */
export function numberFlag(text: FlagText & NumberRange): Flag<number> {
  return flagOf(text, {
    argument: 'required',
    fallback: text.fallback,
    fallbackText: String(text.fallback),
    placeholder: 'N',
    allowed: `a number from ${text.min} to ${text.max}`,
    read: (value) => (/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(value) ? within(Number(value), text) : undefined),
  });
}

function within(value: number, range: NumberRange): number | undefined {
  return value >= range.min && value <= range.max ? value : undefined;
}

/** Any text that is not empty. */
export function textFlag(text: FlagText & { readonly fallback: string }): Flag<string> {
  return flagOf(text, {
    argument: 'required',
    fallback: text.fallback,
    fallbackText: text.fallback,
    placeholder: 'TEXT',
    allowed: 'a text that is not empty',
    read: (value) => (value === '' ? undefined : value),
  });
}

/** One of `choices`. */
export function choiceFlag<T extends string>(
  text: FlagText & { readonly fallback: T; readonly choices: readonly T[] },
): Flag<T> {
  return flagOf(text, {
    argument: 'required',
    fallback: text.fallback,
    fallbackText: text.fallback,
    placeholder: text.choices.join('|'),
    allowed: `one of ${text.choices.join(', ')}`,
    choices: text.choices,
    read: (value) => text.choices.find((choice) => choice === value),
  });
}
