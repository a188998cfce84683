import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Rooms from top to bottom; a file imports its own room and lower rows only. */
const ROWS: readonly (readonly string[])[] = [
  ['main'],
  ['cli'],
  ['server'],
  ['grpc', 'http'],
  ['service'],
  ['lifecycle'],
  ['scheduler'],
  ['worker'],
  ['backend', 'quantize', 'repository', 'shm', 'cuda'],
  ['telemetry'],
  ['inference', 'model-config', 'onnx'],
  ['tensor', 'settings'],
  ['errors', 'wire'],
  ['lib'],
];

/** What may not be written, where it may, and what to write instead. */
const BANNED: readonly { pattern: RegExp; except: readonly string[]; instead: string }[] = [
  { pattern: /\bDate\.now\b/, except: ['lib/clock.ts'], instead: 'Clock.wallMs' },
  { pattern: /\bperformance\.now\b/, except: ['lib/clock.ts'], instead: 'Clock.nowNs' },
  { pattern: /\bprocess\.hrtime\b/, except: ['lib/clock.ts'], instead: 'Clock.nowNs' },
  {
    pattern: /\bset(Timeout|Interval)\(/,
    // A socket's own timeout, which knows when something of a large answer has left.
    except: ['lib/clock.ts', 'http/listener.ts'],
    instead: 'Clock.setTimer',
  },
  { pattern: /\bprocess\.env\b/, except: ['settings/environment.ts'], instead: 'settings/environment' },
  { pattern: /(:\s*any\b|\bas any\b|<any>)/, except: [], instead: 'unknown and a check' },
  { pattern: /@ts-(ignore|expect-error|nocheck)/, except: [], instead: 'a type that is true' },
  { pattern: /biome-ignore/, except: [], instead: 'code that the linter accepts' },
  { pattern: /\.terminate\(/, except: [], instead: 'asking the lane to stop' },
  { pattern: /\bprocess\.exit\(/, except: ['backend/identity/faults.ts'], instead: 'process.exitCode' },
  { pattern: /\bconsole\./, except: [], instead: 'the log, or cli/ output' },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, except: [], instead: 'doing it' },
];

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sourceFiles(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const absolute = join(entry.parentPath, entry.name);
      const text = readFileSync(absolute, 'utf8');
      const imports = [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)\.js'/g)].map((match) =>
        relative(SRC, resolve(dirname(absolute), `${match[1]}.ts`)),
      );
      return { path: relative(SRC, absolute), text, imports };
    });
}

const room = (path: string): string =>
  path.includes('/') ? (path.split('/')[0] as string) : path.replace(/\.ts$/, '');
const rowOf = (path: string): number => ROWS.findIndex((row) => row.includes(room(path)));

const files = sourceFiles();

describe('the house', () => {
  it('has a row for every room', () => {
    expect(files.filter(({ path }) => rowOf(path) === -1).map(({ path }) => path)).toEqual([]);
  });

  it('imports downward only', () => {
    const upward = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => room(target) !== room(path) && rowOf(target) <= rowOf(path))
        .map((target) => `${path} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  it('has no import cycles', () => {
    const byPath = new Map(files.map((file) => [file.path, file]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      if (done.has(path)) return;
      for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const { path } of files) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('imports only files that exist', () => {
    const known = new Set(files.map(({ path }) => path));
    const missing = files.flatMap(({ path, imports }) =>
      imports.filter((target) => !known.has(target)).map((target) => `${path} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('keeps files short', () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .filter(({ lines }) => lines > 400);
    expect(long).toEqual([]);
  });

  it.each(BANNED)('does without $pattern', ({ pattern, except, instead }) => {
    const found = files
      .filter(({ path }) => !except.includes(path))
      .flatMap(({ path, text }) =>
        text
          .split('\n')
          .flatMap((line, index) =>
            pattern.test(line) && !line.trimStart().startsWith('*') && !line.trimStart().startsWith('//')
              ? [`${path}:${index + 1}: use ${instead}`]
              : [],
          ),
      );
    expect(found).toEqual([]);
  });

  it('uses every file', () => {
    const entries = new Set([
      'main.ts',
      'worker/lane-thread.ts',
      'worker/prepare/prepare-thread.ts',
      'worker/decode/decode-thread.ts',
      'worker/build/build-process.ts',
      'http/infer/json-thread.ts',
    ]);
    const imported = new Set(files.flatMap(({ imports }) => imports));
    expect(files.map(({ path }) => path).filter((path) => !imported.has(path) && !entries.has(path))).toEqual(
      [],
    );
  });
});
