/** `['A','B']`, the way Triton lists names. */
export function formatList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(',')}]`;
}
