import { UsageError } from './exit-codes.js';

/** Headers by name, as `--header` gives them. */
export type Headers = Readonly<Record<string, string>>;

/** Reads the values of `--header`, `NAME=VALUE` each. Throws {@link UsageError}, which keeps a value to itself. */
export function readHeaders(texts: readonly string[]): Headers {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name = '', value] = /^([!#$%&'*+.^_`|~\dA-Za-z-]+)=([\x20-\x7e]*)$/.exec(text) ?? [];
      if (value === undefined) throw new UsageError('--header: expected NAME=VALUE');
      return [name.toLowerCase(), value];
    }),
  );
}
