import { sameSecret } from '../lib/same-secret.js';
import type { ProtocolRestriction } from '../settings/protocol-restriction.js';
import { errorReply } from './reply.js';
import type { Restriction } from './route.js';

/** Lets through what no restriction names, and what has its header; Triton's 403 for the rest. */
export function createRestriction(restrictions: readonly ProtocolRestriction[]): Restriction {
  const byCategory = new Map(
    restrictions.flatMap((restriction) =>
      restriction.categories.map((category) => [category, restriction] as const),
    ),
  );
  return (category, headers) => {
    const needed = byCategory.get(category);
    if (needed === undefined) return null;
    const got = headers[needed.header.toLowerCase()];
    if (typeof got === 'string' && sameSecret(got, needed.value)) return null;
    return errorReply(403, `This API is restricted, expecting header '${needed.header}'`, 'text/plain');
  };
}
