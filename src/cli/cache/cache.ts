import { resolve } from 'node:path';
import { type Clock, systemClock } from '../../lib/clock.js';
import { didYouMean } from '../../lib/did-you-mean.js';
import { CacheContents, type CacheItem } from '../../repository/cache-contents.js';
import { readEnvironment } from '../../settings/environment.js';
import type { Flag } from '../../settings/flag.js';
import type { ParsedFlags } from '../../settings/parse-flags.js';
import { readFlags } from '../command.js';
import { CommandError, EXIT, UsageError } from '../exit-codes.js';
import type { Io } from '../io.js';
import { startProgress } from '../progress.js';
import { CACHE_FLAGS } from './flags.js';
import { formatContents, formatDamaged, formatPruned, toJson } from './format.js';

const VERBS = ['ls', 'prune', 'verify'] as const;

/** Flags of one verb alone. */
const OWN: readonly (readonly [Flag<unknown>, (typeof VERBS)[number]])[] = [
  [CACHE_FLAGS.keepMb, 'prune'],
  [CACHE_FLAGS.unusedDays, 'prune'],
  [CACHE_FLAGS.remove, 'verify'],
];

const MB = 1e6;
const DAY_MS = 86_400_000;

/** `naiad cache ls|prune|verify`: what servers keep of models, looked at and cleared. */
export async function cache(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(CACHE_FLAGS));
  const verb = readVerb(flags);
  const contents = open(flags, systemClock);
  try {
    if (verb === 'ls') return list(contents, flags, io);
    return await (verb === 'prune' ? prune(contents, flags, io) : verify(contents, flags, io));
  } finally {
    contents.close();
  }
}

function list(contents: CacheContents, flags: ParsedFlags, io: Io): number {
  const items = contents.items();
  const refusals = contents.refusals();
  io.out(
    flags.get(CACHE_FLAGS.json)
      ? `${JSON.stringify({ items: items.map(toJson), refusals }, null, 2)}\n`
      : formatContents(items, refusals, systemClock.wallMs(), io.columns),
  );
  return EXIT.ok;
}

async function prune(contents: CacheContents, flags: ParsedFlags, io: Io): Promise<number> {
  const before = contents.items();
  const removed = contents.prune({
    bytesMax: flags.get(CACHE_FLAGS.keepMb) * MB,
    unusedMs: flags.get(CACHE_FLAGS.unusedDays) * DAY_MS,
  });
  const gone = new Set(removed.map(({ hash }) => hash));
  const kept = before.filter(({ hash }) => !gone.has(hash));
  io.out(
    flags.get(CACHE_FLAGS.json)
      ? `${JSON.stringify({ removed: removed.map(toJson), kept: kept.map(toJson) }, null, 2)}\n`
      : formatPruned(removed, kept),
  );
  return EXIT.ok;
}

async function verify(contents: CacheContents, flags: ParsedFlags, io: Io): Promise<number> {
  const items = contents.items();
  const removes = flags.get(CACHE_FLAGS.remove);
  const damaged: { item: CacheItem; damage: string; removed: boolean }[] = [];
  const progress = startProgress(io);
  try {
    for (const [index, item] of items.entries()) {
      progress.show(`reading ${index + 1} of ${items.length}`);
      const damage = await contents.verify(item);
      if (damage !== '') damaged.push({ item, damage, removed: removes && contents.removeDamaged(item) });
    }
  } finally {
    progress.end();
  }
  io.out(
    flags.get(CACHE_FLAGS.json)
      ? `${JSON.stringify(
          {
            verified: items.length,
            damaged: damaged.map(({ item, ...rest }) => ({ ...toJson(item), ...rest })),
          },
          null,
          2,
        )}\n`
      : formatDamaged(items.length, damaged, removes, io.columns),
  );
  return damaged.every(({ removed }) => removed) ? EXIT.ok : EXIT.failed;
}

function readVerb(flags: ParsedFlags): (typeof VERBS)[number] {
  const [verb = 'ls', ...surplus] = flags.positionals;
  const known = VERBS.find((candidate) => candidate === verb);
  if (known === undefined)
    throw new UsageError(
      `unknown word '${verb}'${didYouMean(verb, VERBS) || `; known ones: ${VERBS.join(', ')}`}`,
    );
  if (surplus.length > 0) throw new UsageError(`unexpected argument '${surplus[0]}'`);
  const stray = OWN.find(([flag, owner]) => owner !== known && flags.given(flag));
  if (stray !== undefined) throw new UsageError(`--${stray[0].name} belongs to: naiad cache ${stray[1]}`);
  return known;
}

function open(flags: ParsedFlags, clock: Clock): CacheContents {
  const environment = readEnvironment();
  const text = flags.get(CACHE_FLAGS.artifactCache);
  const directory = text === '' ? environment.cacheFolder : resolve(environment.workingDirectory, text);
  try {
    return new CacheContents(directory, clock);
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
