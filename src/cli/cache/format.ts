import type { CacheItem, CacheRefusal } from '../../repository/cache-contents.js';
import { formatTable } from '../table.js';

/** An item as `--json` prints it. */
export interface CacheItemJson {
  readonly hash: string;
  readonly kind: CacheItem['kind'];
  readonly models: readonly string[];
  readonly what: string;
  readonly bytes: number;
  /** ISO 8601, UTC. */
  readonly used: string;
  readonly in_use: boolean;
}

const HASH_DIGITS = 12;
const HOUR_MS = 3600_000;

export function toJson({ hash, kind, models, what, bytes, usedMs, inUse }: CacheItem): CacheItemJson {
  return { hash, kind, models, what, bytes, used: new Date(usedMs).toISOString(), in_use: inUse };
}

/** What lies in a cache as a table, and below it what could not be made. */
export function formatContents(
  items: readonly CacheItem[],
  refusals: readonly CacheRefusal[],
  nowMs: number,
  columns: number,
): string {
  if (items.length === 0 && refusals.length === 0) return 'the cache is empty\n';
  const rows = items.map(({ hash, models, what, bytes, usedMs, inUse }) => [
    hash.slice(0, HASH_DIGITS),
    megabytes(bytes),
    inUse ? 'within the hour' : ago(nowMs - usedMs),
    what,
    models.length === 0 ? '-' : models.join(', '),
  ]);
  const refused = refusals.map(({ model, version, what, reason }) => [`${model}:${version}`, what, reason]);
  return [
    formatTable(['Item', 'MB', 'Used', 'What', 'Models'], rows, columns),
    `${plural(items.length, 'item')}, ${megabytes(sum(items))} MB\n`,
    ...(refused.length === 0
      ? []
      : ['\nLoaded as they are:\n', formatTable(['Model', 'What', 'Why not'], refused, columns)]),
  ].join('');
}

export function formatPruned(removed: readonly CacheItem[], kept: readonly CacheItem[]): string {
  const inUse = kept.filter((item) => item.inUse).length;
  const busy = inUse === 0 ? '' : `, ${inUse} of them used within the hour`;
  return `removed ${plural(removed.length, 'item')}, ${megabytes(sum(removed))} MB; ${plural(kept.length, 'item')} left, ${megabytes(sum(kept))} MB${busy}\n`;
}

/** What is damaged, and what became of it; `removes` = it was to be removed. */
export function formatDamaged(
  verified: number,
  damaged: readonly { readonly item: CacheItem; readonly damage: string; readonly removed: boolean }[],
  removes: boolean,
  columns: number,
): string {
  const total = `${plural(verified, 'item')} read, ${damaged.length} damaged\n`;
  if (damaged.length === 0) return total;
  const stays = removes ? 'stays, a server may be using it' : 'still there';
  const rows = damaged.map(({ item: { hash, models }, damage, removed }) => [
    hash.slice(0, HASH_DIGITS),
    models.join(', ') || '-',
    removed ? 'removed' : stays,
    damage,
  ]);
  return `${formatTable(['Item', 'Models', 'Now', 'Damage'], rows, columns)}${total}`;
}

function sum(items: readonly CacheItem[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function ago(ms: number): string {
  const hours = Math.floor(ms / HOUR_MS);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
