import { didYouMean } from '../lib/did-you-mean.js';

/** Longest piece of a user's text that a message repeats, in characters. */
const QUOTE_MAX = 80;

/** A value for a message: strings in quotes, cut when long; lists and messages by their kind alone. */
export function quote(value: unknown): string {
  if (typeof value === 'string') {
    return `'${value.length > QUOTE_MAX ? `${value.slice(0, QUOTE_MAX)}...` : value}'`;
  }
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'fields' : String(value);
}

/** `, did you mean 'x'?`, or `; ` and what is allowed where nothing is near. */
export function suggestionOr(word: unknown, known: Iterable<string>, allowed: string): string {
  const isShort = typeof word === 'string' && word.length <= QUOTE_MAX;
  return (isShort && didYouMean(word, known)) || `; ${allowed}`;
}
