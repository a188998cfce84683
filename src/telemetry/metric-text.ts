/** One family of series in Prometheus' text format. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';
  /** Lines of values, made when they are asked for; what must be of one moment is one text of several lines. */
  readonly samples: Iterable<string>;
}

/** A value as Prometheus reads it. */
export function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

export function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** `label="text"` */
export function labelText(label: string, text: string): string {
  return `${label}="${escapeHelp(text).replaceAll('"', '\\"')}"`;
}

/** One line; `labels` are pairs of {@link labelText} with commas between, '' = none. */
export function sampleLine(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${valueText(value)}`;
}

/** A family with one value and no labels. */
export function scalarFamily(name: string, type: 'counter' | 'gauge', help: string, value: number): Family {
  return { name, help, type, samples: [sampleLine(name, '', value)] };
}
