/** The schema nests 8 deep; what is deeper is no configuration. */
const BRACKETS_MAX = 100;
const INDENT_MAX = 200;
const DEEP_INDENT = new RegExp(`^[ \\t?:-]{${INDENT_MAX + 1}}`, 'm');

/**
 * Whether a YAML or JSON text may nest deeper than its recursive parser bears. That parser must not be
 * tried: near the end of the stack it compiles regular expressions, where V8 ends the process.
 */
export function isTooDeep(text: string): boolean {
  if (DEEP_INDENT.test(text)) return true;
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > BRACKETS_MAX) return true;
  }
  return false;
}
