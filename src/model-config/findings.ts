/** One thing that is wrong, or odd, in a model's folder or configuration. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  /** Relative to the model's folder, e.g. `config.pbtxt`; '' when it concerns the folder itself. */
  readonly file: string;
  /** 1-based; 0 when unknown. */
  readonly line: number;
  readonly message: string;
}

/** `config.pbtxt:12: text`, the form of compilers that editors can follow. */
export function formatFinding(finding: Finding): string {
  const place = finding.line > 0 ? `${finding.file}:${finding.line}` : finding.file;
  return place === '' ? finding.message : `${place}: ${finding.message}`;
}

/** All errors of a model at once; its text lists them. */
export class FindingsError extends Error {
  override readonly name = 'FindingsError';
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(
      findings
        .filter((finding) => finding.severity === 'error')
        .map(formatFinding)
        .join('; '),
    );
    this.findings = findings;
  }
}
