import { type Finding, formatFinding } from '../model-config/findings.js';
import { type CheckReport, checkRepositories, type ModelReport } from '../server/check.js';
import type { Log } from '../telemetry/log.js';
import { CHECK_FLAGS } from './client-flags.js';
import { readFlags } from './command.js';
import { CommandError, EXIT, UsageError } from './exit-codes.js';
import type { Io } from './io.js';
import { startProgress } from './progress.js';

// Everything worth saying is in the findings.
const SILENT: Log = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Prints all findings about the models of repositories; fails when one of them is an error. */
export async function check(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(CHECK_FLAGS));
  if (flags.positionals.length === 0) throw new UsageError('which repository? Give at least one directory');
  const progress = startProgress(io);
  let report: CheckReport;
  try {
    report = await checkRepositories(flags.positionals, {
      log: SILENT,
      autoComplete: !flags.get(CHECK_FLAGS.disableAutoComplete),
      configName: flags.get(CHECK_FLAGS.configName),
      onModel: (name) => progress.show(`checking ${name}`),
    });
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    progress.end();
  }
  io.out(flags.get(CHECK_FLAGS.json) ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
  return report.ok ? EXIT.ok : EXIT.failed;
}

/** The findings of each model under its name, and a line that sums up. */
export function formatReport({ models }: CheckReport): string {
  const findings = models.flatMap((model) => model.findings);
  const errors = countOf(findings, 'error');
  const warnings = findings.length - errors;
  return [
    ...models.flatMap(reportLines),
    `${plural(models.length, 'model')}, ${plural(errors, 'error')}, ${plural(warnings, 'warning')}`,
    '',
  ].join('\n');
}

function reportLines({ name, ok, summary, findings }: ModelReport): string[] {
  const head = ok ? `${name}: ok (${summary})` : `${name}: ${plural(countOf(findings, 'error'), 'error')}`;
  return [
    head,
    ...findings.map((finding) => `  ${finding.severity}: ${formatFinding(inFolder(name, finding))}`),
  ];
}

/** The path from the repository on, so that an editor finds it. */
function inFolder(model: string, finding: Finding): Finding {
  return finding.file === '' ? finding : { ...finding, file: `${model}/${finding.file}` };
}

function countOf(findings: readonly Finding[], severity: Finding['severity']): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
