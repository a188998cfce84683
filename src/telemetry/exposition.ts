import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MetricObjectWithValues, MetricValueWithName, Registry } from 'prom-client';
import { escapeHelp, type Family, labelText, sampleLine } from './metric-text.js';

/** Text written without a break: some hundred microseconds. */
const CHARACTERS_PER_TURN = 16 << 10;

/**
 * All series of some families in Prometheus' text format 0.0.4, written in pieces between which the thread
 * does other work: thousands of models have some hundred thousand lines. Families without a series are left out.
 */
export async function expositionOf(families: Iterable<Family>): Promise<string> {
  const parts: string[] = [];
  let characters = 0;
  for (const { name, help, type, samples } of families) {
    let isFirst = true;
    for (const sample of samples) {
      if (isFirst) parts.push(`# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`);
      isFirst = false;
      parts.push(`${sample}\n`);
      characters += sample.length;
      if (characters < CHARACTERS_PER_TURN) continue;
      characters = 0;
      await nextTurn();
    }
  }
  return parts.join('');
}

/** The families of a registry of prom-client. */
export async function registryFamilies(registry: Registry): Promise<Family[]> {
  const found: MetricObjectWithValues<MetricValueWithName<string>>[] = await registry.getMetricsAsJSON();
  return found.map(({ name, help, type, values }) => ({
    name,
    help,
    type: typeName(String(type)),
    samples: lines(name, values),
  }));
}

function typeName(type: string): Family['type'] {
  return type === 'counter' || type === 'gauge' || type === 'histogram' || type === 'summary'
    ? type
    : 'untyped';
}

function* lines(family: string, values: readonly MetricValueWithName<string>[]): Iterable<string> {
  for (const { metricName = family, labels, value } of values) {
    const pairs = Object.entries(labels).map(([label, text]) => labelText(label, String(text)));
    yield sampleLine(metricName, pairs.join(','), value);
  }
}
