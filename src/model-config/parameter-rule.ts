/** What the value of a known parameter must look like. */
export type ParameterRule =
  | { readonly kind: 'count'; readonly max: number }
  | { readonly kind: 'flag' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  /** Known to Triton's backend, without effect here. */
  | { readonly kind: 'ignored' };

/** What a value should be and is not, for a message; null when it fits. */
export function violation(
  rule: Exclude<ParameterRule, { readonly kind: 'ignored' }>,
  value: string,
): string | null {
  switch (rule.kind) {
    case 'count':
      return /^\d+$/.test(value) && Number(value) <= rule.max ? null : `a whole number from 0 to ${rule.max}`;
    case 'flag':
      return ['0', '1', 'true', 'false'].includes(value.toLowerCase()) ? null : '0 or 1';
    case 'choice':
      return rule.choices.includes(value) ? null : `one of ${rule.choices.join(', ')}`;
  }
}
