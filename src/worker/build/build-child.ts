import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BuildCall, BuildEvent } from './build-message.js';

const BUILD_PROCESS = fileURLToPath(new URL('./build-process.js', import.meta.url));

/** The process ended before it was done; the text says how, for people. */
export class BuildLostError extends Error {
  override readonly name = 'BuildLostError';
}

/** The server stops. */
export class BuilderClosedError extends BuildLostError {
  constructor() {
    super('the server is stopping');
  }
}

/** One process that builds, one call after the other; it is started by the first and not started again. */
export class BuildChild {
  readonly #process: ChildProcess;
  #ended = false;

  /** @param entry absolute path of the process's entry; given by tests only */
  constructor(entry = BUILD_PROCESS) {
    this.#process = fork(entry, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process.on('exit', () => (this.#ended = true));
    // Without a listener it would end the server.
    this.#process.on('error', () => (this.#ended = true));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Rejects with {@link BuildLostError} when the process ends. */
  ask(call: BuildCall): Promise<BuildEvent> {
    const child = this.#process;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        child.off('message', onMessage);
        child.off('exit', onExit);
        child.off('error', onError);
      };
      const onMessage = (event: unknown): void => {
        settle();
        resolve(event as BuildEvent);
      };
      const onExit = (code: number | null, signal: string | null): void => {
        settle();
        const how = signal === null ? `code ${code}` : signal;
        reject(new BuildLostError(`the process that prepared it ended with ${how}`));
      };
      const onError = (error: Error): void => {
        settle();
        reject(new BuildLostError(`the process that prepares it can not be used: ${error.message}`));
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.on('error', onError);
      child.send(call, (error) => {
        if (error !== null) onError(error);
      });
    });
  }

  /** Lets it end by itself, which it does at once when it builds nothing. */
  letGo(): void {
    if (this.#process.connected) this.#process.disconnect();
  }

  /** Ends it, whatever it does; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (this.#ended || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
