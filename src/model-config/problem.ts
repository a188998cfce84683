import type { Finding } from './findings.js';

/** Way to a field from the top of a configuration: names, list positions, map keys. */
export type FieldPath = readonly (string | number)[];

/** 1-based line of a field, or of what stands nearest around it; 0 when unknown. */
export type Locate = (path: FieldPath) => number;

/** For configurations that were not read from a text. */
export const NOWHERE: Locate = () => 0;

/** A finding about a field, not yet tied to a file and line. */
export interface Problem {
  readonly severity: Finding['severity'];
  readonly path: FieldPath;
  readonly message: string;
}

/** A problem that keeps the model from being served. */
export function errorAt(path: FieldPath, message: string): Problem {
  return { severity: 'error', path, message };
}

/** A problem that the model can be served with. */
export function warningAt(path: FieldPath, message: string): Problem {
  return { severity: 'warning', path, message };
}

/** Of one severity, more than anyone reads; finding their lines takes time. */
const FINDINGS_MAX = 100;

/**
 * Ties problems to their lines; where a text has no place for one (an empty path), the line is 0. Those
 * beyond {@link FINDINGS_MAX} of one severity are only counted.
 */
export function toFindings(problems: readonly Problem[], file: string, locate: Locate): Finding[] {
  const counts = { error: 0, warning: 0 };
  const findings = problems
    .filter(({ severity }) => ++counts[severity] <= FINDINGS_MAX)
    .map(({ severity, path, message }) => ({
      severity,
      file,
      line: path.length === 0 ? 0 : locate(path),
      message,
    }));
  for (const severity of ['error', 'warning'] as const) {
    const omitted = counts[severity] - FINDINGS_MAX;
    if (omitted > 0) findings.push({ severity, file, line: 0, message: `and ${omitted} more of this kind` });
  }
  return findings;
}

const PLAIN_NAME = /^[A-Za-z_]\w*$/;

/** `input[0].dims`, `parameters["image.mean"]`. */
export function formatPath(path: FieldPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (!PLAIN_NAME.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
