import type { HttpMethod, Route } from './route.js';

/** What a request asks for. */
export type Destination =
  | {
      readonly kind: 'route';
      readonly route: Route;
      /** Decoded. */
      readonly names: Readonly<Record<string, string | undefined>>;
    }
  /** The path is there, but not for this method. */
  | { readonly kind: 'method'; readonly route: Route; readonly allow: string }
  | { readonly kind: 'none' };

const NONE: Destination = { kind: 'none' };

/** Finds the first of `routes` that answers a path by a method. */
export function findRoute(routes: readonly Route[], method: string | undefined, path: string): Destination {
  // Probes use HEAD; what it must not carry is left away when it is answered.
  const asked = method === 'HEAD' ? 'GET' : method;
  let other: { route: Route; methods: Set<HttpMethod> } | null = null;
  for (const route of routes) {
    const match = route.pattern.exec(path);
    if (match === null) continue;
    if (route.methods.some((answered) => answered === asked)) {
      const names = path.includes('%') ? decodeNames(match.groups ?? {}) : (match.groups ?? {});
      return names === null ? NONE : { kind: 'route', route, names };
    }
    other ??= { route, methods: new Set() };
    for (const answered of route.methods) other.methods.add(answered);
  }
  if (other === null) return NONE;
  return { kind: 'method', route: other.route, allow: allowText(other.methods) };
}

function allowText(methods: ReadonlySet<HttpMethod>): string {
  return [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}

/** Null where an escape is broken: nothing can have such a name. */
function decodeNames(
  groups: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> | null {
  const names: Record<string, string | undefined> = {};
  for (const [key, text] of Object.entries(groups)) {
    const name = text === undefined ? undefined : decodeName(text);
    if (name === null) return null;
    names[key] = name;
  }
  return names;
}

function decodeName(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** Path and query of a request's target, which may be a whole URL. */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const origin = /^https?:\/\/[^/?#]*/i.exec(target)?.[0] ?? '';
  const relative = utf8(target.slice(origin.length));
  const start = relative.indexOf('?');
  return start < 0
    ? { path: relative, query: '' }
    : { path: relative.slice(0, start), query: relative.slice(start + 1) };
}

/** node hands over a byte per character. */
function utf8(text: string): string {
  return /[\u0080-\u00ff]/.test(text) ? Buffer.from(text, 'latin1').toString() : text;
}
