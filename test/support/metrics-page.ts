/** One family of a metrics page. */
export interface PageFamily {
  readonly type: string;
  readonly help: string;
  /** Values by series as they stand on the page, name and labels. */
  readonly values: Readonly<Record<string, number>>;
}

/** Prometheus' text read line by line, strictly: throws an Error about what does not belong there. */
export function readPage(text: string): Record<string, PageFamily> {
  const found: Record<string, { type: string; help: string; values: Record<string, number> }> = {};
  let family: { type: string; help: string; values: Record<string, number> } | undefined;
  let familyName = '';
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\w+) (.*)$/.exec(line);
    const sample = /^([a-zA-Z_]\w*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP' && found[name] !== undefined) throw new Error(`'${name}' is there twice`);
      familyName = name;
      family = found[name] ??= { type: '', help: '', values: {} };
      Object.assign(family, kind === 'HELP' ? { help: rest } : { type: rest });
    } else if (sample !== null) {
      const [, name = '', labels = '', value = ''] = sample;
      const suffix = name.slice(familyName.length);
      const suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };
      const allowed = suffixes[family?.type as keyof typeof suffixes] ?? [''];
      if (family === undefined || !name.startsWith(familyName) || !allowed.includes(suffix)) {
        throw new Error(`'${name}' stands below '${familyName}'`);
      }
      const series = `${name}${labels}`;
      if (family.values[series] !== undefined) throw new Error(`${series} is there twice`);
      family.values[series] = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
    } else if (line !== '') throw new Error(`not understood: ${line}`);
  }
  return found;
}

/** The page of a server. */
export async function scrape(port: number | null): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  if (response.status !== 200) throw new Error(`metrics: ${response.status}`);
  return response.text();
}

/** All values of a page by series. */
export function seriesOf(text: string): Record<string, number> {
  return Object.assign({}, ...Object.values(readPage(text)).map(({ values }) => values));
}
