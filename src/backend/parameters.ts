/** `parameters {}` of a configuration as a backend reads them; all readers throw an Error for the user. */
export type BackendParameters = Readonly<Record<string, string>>;

function text(parameters: BackendParameters, key: string): string | undefined {
  return Object.hasOwn(parameters, key) ? parameters[key] : undefined;
}

/** A whole number from 0 to `max`; undefined where the configuration has none. */
export function readCount(parameters: BackendParameters, key: string, max: number): number | undefined {
  const value = text(parameters, key);
  if (value === undefined) return undefined;
  const count = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
  if (!(count <= max)) {
    throw new Error(`parameter '${key}' must be a whole number from 0 to ${max}, got '${value}'`);
  }
  return count;
}

/** `0`, `1`, `true` or `false`; undefined where the configuration has none. */
export function readFlag(parameters: BackendParameters, key: string): boolean | undefined {
  const value = text(parameters, key);
  switch (value?.trim().toLowerCase()) {
    case undefined:
      return undefined;
    case '1':
    case 'true':
      return true;
    case '0':
    case 'false':
      return false;
    default:
      throw new Error(`parameter '${key}' must be 0 or 1, got '${value}'`);
  }
}

/** One of `choices`; undefined where the configuration has none. */
export function readChoice<T extends string>(
  parameters: BackendParameters,
  key: string,
  choices: readonly T[],
): T | undefined {
  const value = text(parameters, key);
  if (value === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === value.trim());
  if (choice === undefined) {
    throw new Error(`parameter '${key}' must be one of ${choices.join(', ')}, got '${value}'`);
  }
  return choice;
}
