import { digits, floored, foreignCores, range } from './figures.mjs';

/**
 * @typedef {import('./figures.mjs').CaseReport} CaseReport
 * @typedef {import('./figures.mjs').Report} Report
 */

/** Above this the figures say more about the others than about the server. */
const QUIET_CORES_MAX = 0.2;

/** The report as Markdown: what it ran on, then a section for each case. @param {Report} report */
export function toMarkdown(report) {
  const { rounds, seconds } = report.pace;
  return [
    `${measuredOn(report)} ` +
      `${rounds} rounds, ${seconds} s for each figure of a round; median [lowest-highest].`,
    ...report.cases.map(caseSection),
  ].join('\n\n');
}

/** When, and on what. @param {Report} report */
export function measuredOn({ date, machine }) {
  const { cpu, cores, int8, memoryGib, platform, node, onnxruntime, sharp, commit } = machine;
  return (
    `Measured ${date.slice(0, 10)}, commit ${commit}: ${cores} cores of ${cpu} ` +
    `(8-bit dot products: ${int8.length === 0 ? 'none' : int8.join(', ')}), ${memoryGib} GiB, ${platform}, ` +
    `Node ${node}, ONNX Runtime ${onnxruntime}, sharp ${sharp}.`
  );
}

/** @param {CaseReport} report */
export function caseSection(report) {
  const { title, skipped, failed, bounds, subjects } = report;
  const heading = `### ${title}`;
  if (skipped !== null) return `${heading}\n\nSkipped: ${skipped}.`;
  if (failed !== null) return `${heading}\n\nFailed: ${failed}`;
  const parts = [heading, boundTable(bounds)];
  if (subjects.length > 0) parts.push(subjectTable(subjects));
  if (isDisturbed(report)) parts.push(disturbed(report));
  return parts.join('\n\n');
}

/** @param {CaseReport} report */
export function isDisturbed(report) {
  return foreignCores(report) > QUIET_CORES_MAX;
}

/** @param {CaseReport} report */
export function disturbed(report) {
  return `Disturbed: other programs kept ${digits(foreignCores(report))} cores busy meanwhile.`;
}

/** @param {CaseReport['bounds']} bounds */
function boundTable(bounds) {
  return table(
    ['figure', 'measured', 'aim', ''],
    bounds.map(({ what, unit, decimals, limit, values, met }) => [
      what,
      `${range(values, decimals === undefined ? digits : (value) => floored(value, decimals))}${unit === '' ? '' : ` ${unit}`}`,
      limit === null ? '' : `${limit.kind === 'atLeast' ? '>=' : '<='} ${digits(limit.value)}`,
      met === null ? '' : met ? 'met' : 'missed',
    ]),
  );
}

/** @param {CaseReport['subjects']} subjects */
function subjectTable(subjects) {
  return table(
    ['', 'per second', 'p50 ms', 'p99 ms', 'CPU ms each', 'client CPU ms each', 'RSS MiB'],
    subjects.map(({ subject, rounds }) => [
      subject,
      range(rounds.map(({ perSecond }) => perSecond)),
      range(rounds.map(({ p50Ms }) => p50Ms)),
      range(rounds.map(({ p99Ms }) => p99Ms)),
      range(rounds.map(({ cpuMs }) => cpuMs)),
      rounds.every(({ clientCpuMs }) => clientCpuMs === 0)
        ? ''
        : range(rounds.map(({ clientCpuMs }) => clientCpuMs)),
      digits(Math.max(...rounds.map(({ rssMib }) => rssMib))),
    ]),
  );
}

/**
 * A Markdown table whose columns are padded, so that it reads as well in a terminal.
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (/** @type {readonly string[]} */ cells) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
