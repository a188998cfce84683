import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MetricObjectWithValues, MetricValueWithName, Registry } from 'prom-client';

/** Lines written without a break: some hundred microseconds. */
const LINES_PER_TURN = 256;

/**
 * All series of a registry in Prometheus' text format 0.0.4, written in pieces between which the thread does
 * other work: thousands of models have some ten thousand lines.
 */
export async function expositionOf(registry: Registry): Promise<string> {
  const families: string[] = [];
  let lines = 0;
  for (const family of await registry.getMetricsAsJSON()) {
    const { name, help, type, values }: MetricObjectWithValues<MetricValueWithName<string>> = family;
    const text = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`];
    for (const sample of values) {
      text.push(lineOf(name, sample));
      if (++lines % LINES_PER_TURN === 0) await nextTurn();
    }
    families.push(text.join('\n'));
  }
  return `${families.join('\n\n')}\n`;
}

function lineOf(family: string, { metricName = family, labels, value }: MetricValueWithName<string>): string {
  const parts = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
  const place = parts.length === 0 ? '' : `{${parts.join(',')}}`;
  return `${metricName}${place} ${valueText(value)}`;
}

function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
