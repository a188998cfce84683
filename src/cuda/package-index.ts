import type { Requirement } from './cuda-set.js';
import { normalName, parseWheelName, runsOn, type WheelPlatform } from './wheel-name.js';

/** A file that an index offers. */
export interface IndexFile {
  readonly filename: string;
  /** Absolute, without a fragment. */
  readonly url: string;
  /** Lower-case hex; null when the index does not tell. */
  readonly sha256: string | null;
  readonly yanked: boolean;
}

/** What an index asks its users for; it is sent to this origin only. */
export interface Credentials {
  readonly origin: string;
  /** The value of the header `authorization`. */
  readonly authorization: string;
}

/** Parts `https://user:password@host/simple` as pip has it: requests must not carry them in their address. */
export function partIndexUrl(text: string): {
  readonly url: string;
  readonly credentials: Credentials | null;
} {
  const url = new URL(text);
  const { origin, username, password } = url;
  if (username === '' && password === '') return { url: text, credentials: null };
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  url.username = '';
  url.password = '';
  const authorization = `Basic ${Buffer.from(words).toString('base64')}`;
  return { url: url.href, credentials: { origin, authorization } };
}

/** The headers that a request to `url` needs. */
export function headersFor(url: string, credentials: Credentials | null): Record<string, string> {
  return credentials !== null && new URL(url).origin === credentials.origin
    ? { authorization: credentials.authorization }
    : {};
}

/** Asked for with every page: PEP 691's JSON before PEP 503's HTML, which every index has. */
export const INDEX_ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** The page of a package in an index like `https://pypi.org/simple`. */
export function pageUrl(indexUrl: string, name: string): string {
  return `${indexUrl.replace(/\/+$/, '')}/${normalName(name)}/`;
}

/**
 * The files on a package's page, whichever of the two forms it has.
 * @param pageUrl the page's own address, which relative links count from
 */
export function parseIndexPage(text: string, contentType: string, pageUrl: string): IndexFile[] {
  return contentType.includes('json') ? parseJson(text, pageUrl) : parseHtml(text, pageUrl);
}

/** The best file for a requirement on this machine; null when there is none. */
export function chooseWheel(
  files: readonly IndexFile[],
  { name, version }: Requirement,
  platform: WheelPlatform,
): IndexFile | null {
  const fitting = files.filter((file) => {
    const wheel = parseWheelName(file.filename);
    return (
      wheel !== null &&
      wheel.name === normalName(name) &&
      wheel.version === version &&
      runsOn(wheel, platform)
    );
  });
  // All wheels of a version hold the same libraries, so the first by name will do, and is the same every time.
  const byName = fitting.toSorted((a, b) => (a.filename < b.filename ? -1 : 1));
  return byName.find(({ yanked }) => !yanked) ?? byName[0] ?? null;
}

function parseJson(text: string, pageUrl: string): IndexFile[] {
  const page: unknown = JSON.parse(text);
  const files = isRecord(page) && Array.isArray(page.files) ? page.files : [];
  return files.flatMap((file: unknown) => {
    if (!isRecord(file) || typeof file.filename !== 'string' || typeof file.url !== 'string') return [];
    const url = absolute(file.url, pageUrl);
    if (url === null) return [];
    const sha256 = isRecord(file.hashes) ? file.hashes.sha256 : null;
    return [
      {
        filename: file.filename,
        url: url.split('#', 1)[0] ?? '',
        sha256: hashOrNull(sha256),
        yanked: file.yanked === true || typeof file.yanked === 'string',
      },
    ];
  });
}

function parseHtml(text: string, pageUrl: string): IndexFile[] {
  return [...text.matchAll(/<a\b([^>]*)>([^<]*)<\/a\s*>/gi)].flatMap(([, attributes = '', name = '']) => {
    const href = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes);
    const absoluteUrl = absolute(unescapeHtml(href?.[1] ?? href?.[2] ?? ''), pageUrl);
    if (href === null || absoluteUrl === null) return [];
    const [url = '', fragment = ''] = absoluteUrl.split('#', 2);
    return [
      {
        filename: unescapeHtml(name).trim(),
        url,
        sha256: hashOrNull(/(?:^|&)sha256=([^&]*)/.exec(fragment)?.[1]),
        yanked: /\bdata-yanked\b/i.test(attributes),
      },
    ];
  });
}

function absolute(url: string, base: string): string | null {
  if (!URL.canParse(url, base)) return null;
  const { protocol, href } = new URL(url, base);
  return protocol === 'https:' || protocol === 'http:' ? href : null;
}

function hashOrNull(value: unknown): string | null {
  return typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value) ? value.toLowerCase() : null;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};

function unescapeHtml(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
