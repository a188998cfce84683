import { didYouMean } from '../lib/did-you-mean.js';
import { PROTOCOL_CATEGORIES, type ProtocolCategory } from './protocol-category.js';

/** Calls that only those may make who send a header. */
export interface ProtocolRestriction {
  readonly categories: readonly ProtocolCategory[];
  /** As the flag has it; gRPC puts `triton-grpc-protocol-` in front. */
  readonly header: string;
  readonly value: string;
}

/** What a header's name may be made of, RFC 9110. */
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;

/**
 * Reads the values of `--grpc-restricted-protocol` or `--http-restricted-api`: `API,API:HEADER=VALUE`.
 * Mistakes are whole lines for the user.
 */
export function readRestrictions(
  flag: string,
  texts: readonly string[],
): { readonly restrictions: readonly ProtocolRestriction[]; readonly mistakes: readonly string[] } {
  const restrictions: ProtocolRestriction[] = [];
  const mistakes: string[] = [];
  const seen = new Set<string>();
  for (const text of texts) {
    const [, names = '', header = '', value] = /^([^:]*):([^=]*)=(.*)$/s.exec(text) ?? [];
    const mistake = (what: string): void => {
      // Not the value, which is a secret.
      const shown = value === undefined ? (text.split('=')[0] ?? '') : `${names}:${header}=...`;
      mistakes.push(`--${flag}=${shown}: ${what}`);
    };
    if (value === undefined) {
      mistake('expected API[,API]:KEY=VALUE');
      continue;
    }
    if (!TOKEN.test(header) || value === '') mistake('expected KEY=VALUE after the colon');
    const categories: ProtocolCategory[] = [];
    for (const name of names.split(',')) {
      const category = PROTOCOL_CATEGORIES.find((known) => known === name);
      if (category === undefined) {
        const hint =
          didYouMean(name, PROTOCOL_CATEGORIES) || `; known ones: ${PROTOCOL_CATEGORIES.join(', ')}`;
        mistake(`no API '${name}'${hint}`);
      } else if (seen.has(category)) mistake(`API '${name}' has a header already`);
      else categories.push(category);
      seen.add(name);
    }
    restrictions.push({ categories, header, value });
  }
  return { restrictions, mistakes };
}
