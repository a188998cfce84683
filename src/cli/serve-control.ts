import type { Clock } from '../lib/clock.js';
import type { RunningServer } from '../server/server.js';
import type { Logger } from '../telemetry/logger.js';
import { EXIT } from './exit-codes.js';

/** What {@link ServeControl} needs of the process; tests give it another one. */
export interface ServeProcess {
  readonly log: Logger;
  readonly clock: Clock;
  readonly exitTimeoutSecs: number;
  /** Ends the process at once; does not return in production. */
  end(signal: NodeJS.Signals): void;
}

/** The server must have let go of everything by then, so that the process ends by itself. */
export const LINGER_NS = 10e9;

/**
 * Decides how a serving process ends: the first signal stops the server in good order, a second one, or
 * one that comes before the server runs, ends the process at once; a bug stops it with exit code 1.
 */
export class ServeControl {
  readonly #process: ServeProcess;
  #server: RunningServer | null = null;
  #stopping = false;
  #exitCode: number = EXIT.ok;
  #signal: NodeJS.Signals = 'SIGTERM';
  readonly #ended: Promise<number>;
  #resolveEnded: (exitCode: number) => void = () => {};

  constructor(serveProcess: ServeProcess) {
    this.#process = serveProcess;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** Resolves to the exit code when the server has stopped in good order. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  started(server: RunningServer): void {
    this.#server = server;
  }

  onSignal(signal: NodeJS.Signals): void {
    const { log, end } = this.#process;
    this.#signal = signal;
    if (this.#server === null || this.#stopping) {
      log.warn(
        { signal },
        this.#stopping ? 'second signal, ending at once' : 'ending before the start was complete',
      );
      end(signal);
      return;
    }
    log.info({ signal }, 'stopping: new requests are refused, accepted ones are answered');
    this.stop(EXIT.ok);
  }

  /** An error that nothing caught: state may be wrong, so no new work is taken on. */
  onBug(error: unknown): void {
    const { log, end } = this.#process;
    log.fatal({ err: error }, 'internal error, stopping');
    this.#exitCode = EXIT.failed;
    if (this.#server === null) end('SIGTERM');
    else this.stop(EXIT.failed);
  }

  /** Stops in good order; later calls only raise the exit code. */
  stop(exitCode: number): void {
    this.#exitCode = Math.max(this.#exitCode, exitCode);
    if (this.#stopping || this.#server === null) return;
    this.#stopping = true;
    this.#server.stop().then(
      (result) => this.#stopped(result),
      (error: unknown) => {
        this.#process.log.fatal({ err: error }, 'the server could not be stopped in good order');
        this.#process.end(this.#signal);
      },
    );
  }

  #stopped(result: 'drained' | 'timeout'): void {
    const { log, clock, exitTimeoutSecs, end } = this.#process;
    if (result === 'timeout') {
      log.error(
        { exitTimeoutSecs },
        `requests still ran after ${exitTimeoutSecs} s (--exit-timeout-secs), ending without their answers`,
      );
      end(this.#signal);
      return;
    }
    log.info({}, 'stopped');
    clock.setTimer(LINGER_NS, () => {
      const resources = process.getActiveResourcesInfo();
      log.error({ resources }, 'something still keeps the process alive after the stop, ending it');
      end(this.#signal);
    });
    this.#resolveEnded(this.#exitCode);
  }
}
