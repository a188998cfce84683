import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PROBE = fileURLToPath(new URL('memory-probe.mjs', import.meta.url));

const SAMPLES = 7;
/** Until what was replaced is gone for good. */
const SETTLE_MS = 1500;

export interface Memory {
  /** In physical memory. */
  readonly residentBytes: number;
  /** The same without the room that the heap keeps free, which comes and goes by 20 MB as V8 sees fit. */
  readonly usedBytes: number;
}

/** `naiad serve` in a process of its own that tells what memory it holds. */
export class ProbedServer {
  readonly #child: ChildProcess;
  readonly #ports: Promise<{ readonly grpc: number; readonly http: number }>;

  constructor(...argv: string[]) {
    const flags = ['--grpc-port=0', '--http-port=0', '--allow-metrics=false', '--grpc-address=127.0.0.1'];
    this.#child = spawn(
      process.execPath,
      ['--expose-gc', '--import', PROBE, MAIN, 'serve', ...flags, '--log-format=json', ...argv],
      { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] },
    );
    this.#ports = new Promise((resolve, reject) => {
      let text = '';
      this.#child.stdout?.on('data', (chunk: Buffer) => {
        // All of it is read, or the server would wait for its reader.
        if (text.length < 100_000) text += chunk.toString();
        const [, grpc, http] = /"grpcPort":(\d+),"httpPort":(\d+)/.exec(text) ?? [];
        if (grpc !== undefined) resolve({ grpc: Number(grpc), http: Number(http) });
      });
      this.#child.once('exit', () => reject(new Error(`ended: ${text}`)));
    });
  }

  get grpcPort(): Promise<number> {
    return this.#ports.then(({ grpc }) => grpc);
  }

  get httpPort(): Promise<number> {
    return this.#ports.then(({ http }) => http);
  }

  /** What it holds when nothing happens, the median of some samples. */
  async memory(): Promise<Memory> {
    await sleep(SETTLE_MS);
    const samples: Memory[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      const answer = once(this.#child, 'message') as Promise<[NodeJS.MemoryUsage]>;
      this.#child.send('measure');
      const [{ rss, heapTotal, heapUsed }] = await answer;
      samples.push({ residentBytes: rss, usedBytes: rss - (heapTotal - heapUsed) });
      await sleep(50);
    }
    const median = samples.sort((a, b) => a.usedBytes - b.usedBytes)[(SAMPLES - 1) / 2];
    if (median === undefined) throw new Error('an odd number of samples has a median');
    return median;
  }

  /** Resolves to the exit code. */
  async stop(): Promise<number | null> {
    const exited = once(this.#child, 'exit') as Promise<[number | null]>;
    this.#child.kill('SIGTERM');
    return (await exited)[0];
  }
}
