import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Io } from '#naiad/cli/io.js';
import { run } from '#naiad/cli/run.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process; nothing is a terminal. */
export async function cli(...argv: string[]): Promise<CliResult> {
  let out = '';
  let err = '';
  const io: Io = {
    out: (words) => {
      out += words;
    },
    err: (words) => {
      err += words;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    columns: Number.POSITIVE_INFINITY,
  };
  const code = await run(argv, io);
  return { code, out, err };
}

/** Runs the built program in a process of its own. */
export async function program(...argv: string[]): Promise<CliResult & { signal: string | null }> {
  const child = spawnProgram(...argv);
  const [out, err, [code, signal]] = await Promise.all([
    text(child.stdout as NonNullable<typeof child.stdout>),
    text(child.stderr as NonNullable<typeof child.stderr>),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ]);
  return { code, signal, out, err };
}

export function spawnProgram(...argv: string[]): ChildProcess {
  const env = { ...process.env, XDG_CACHE_HOME: cacheHome() };
  return spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'], env });
}

let madeCacheHome: string | null = null;

/** What the programs of this process keep in the user's cache goes away with it. */
function cacheHome(): string {
  if (madeCacheHome !== null) return madeCacheHome;
  const folder = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  madeCacheHome = folder;
  return folder;
}

/** A line of the program's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `naiad serve` in a process of its own, on free ports of 127.0.0.1. */
export class ServeProcess {
  readonly child: ChildProcess;
  readonly log: LogLine[] = [];
  err = '';
  /** How it ended, and the last words of its log. */
  readonly ended: Promise<{ code: number | null; signal: string | null; last: string | undefined }>;
  #changed: (() => void)[] = [];
  #rest = '';

  constructor(...argv: string[]) {
    this.child = spawnProgram(
      'serve',
      '--grpc-address=127.0.0.1',
      '--http-address=127.0.0.1',
      '--grpc-port=0',
      '--http-port=0',
      '--metrics-port=0',
      '--log-format=json',
      ...argv,
    );
    this.child.stdout?.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.err += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ code, signal, last: this.log.at(-1)?.msg });
        this.#notify();
      });
    });
  }

  /** The first line with this message; rejects when the process ends without it. */
  async line(message: RegExp): Promise<LogLine> {
    for (;;) {
      const found = this.log.find(({ msg }) => message.test(msg));
      if (found !== undefined) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.ended;
        const late = this.log.find(({ msg }) => message.test(msg));
        if (late !== undefined) return late;
        throw new Error(`ended without a line ${message}: ${this.err}${JSON.stringify(this.log)}`);
      }
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  #read(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.log.push(JSON.parse(line) as LogLine);
    this.#notify();
  }

  #notify(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
