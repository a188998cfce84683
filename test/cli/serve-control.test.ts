import { describe, expect, it } from 'vitest';
import { ServeControl } from '#naiad/cli/serve-control.js';
import type { RunningServer, StopResult } from '#naiad/server/server.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { RecordedLog } from '../support/recorded-log.js';

/** A process around a {@link ServeControl}; `ends` are the signals that it ended itself by. */
class FakeProcess extends RecordedLog {
  readonly clock = new FakeClock();
  readonly ends: string[] = [];
  exitCode: number | null = null;
  stops = 0;
  readonly control: ServeControl;
  #finishStop: (result: StopResult) => void = () => {};
  #failStop: (error: Error) => void = () => {};

  constructor() {
    super();
    this.control = new ServeControl({
      log: Object.assign(this, {
        fatal: (fields: object, message: string) => this.lines.push({ level: 'fatal', fields, message }),
        flush: () => {},
      }),
      clock: this.clock,
      exitTimeoutSecs: 30,
      end: (signal) => this.ends.push(signal),
    });
    void this.control.ended.then((code) => {
      this.exitCode = code;
    });
  }

  start(): void {
    const stop = new Promise<StopResult>((resolve, reject) => {
      this.#finishStop = resolve;
      this.#failStop = reject;
    });
    const server: RunningServer = {
      grpcPort: 1,
      metricsPort: 0,
      httpPort: 2,
      anyLoadFailed: false,
      modelTable: () => [],
      status: () => ({ lanes: { lanes: [], replaced: 0 }, leases: 0 }),
      stop: () => {
        this.stops++;
        return stop;
      },
    };
    this.control.started(server);
  }

  async stopped(result: StopResult): Promise<void> {
    this.#finishStop(result);
    await settled();
  }

  async stopFails(): Promise<void> {
    this.#failStop(new Error('stuck'));
    await settled();
  }

  get last(): string | undefined {
    return this.lines.at(-1)?.message;
  }
}

describe('a signal', () => {
  it('stops the server in good order', async () => {
    const process = new FakeProcess();
    process.start();
    process.control.onSignal('SIGTERM');
    expect(process.stops).toBe(1);
    expect(process.exitCode).toBeNull();
    await process.stopped('drained');
    expect(process.exitCode).toBe(0);
    expect(process.ends).toEqual([]);
  });

  it('ends the process at once when it is the second', () => {
    const process = new FakeProcess();
    process.start();
    process.control.onSignal('SIGTERM');
    process.control.onSignal('SIGINT');
    expect(process.stops).toBe(1);
    expect(process.ends).toEqual(['SIGINT']);
  });

  it('ends the process at once while it starts', () => {
    const process = new FakeProcess();
    process.control.onSignal('SIGTERM');
    expect(process.ends).toEqual(['SIGTERM']);
    expect(process.last).toBe('ending before the start was complete');
  });

  it('ends the process when requests outlive the exit timeout', async () => {
    const process = new FakeProcess();
    process.start();
    process.control.onSignal('SIGINT');
    await process.stopped('timeout');
    expect(process.ends).toEqual(['SIGINT']);
    expect(process.exitCode).toBeNull();
    expect(process.last).toContain('requests still ran after 30 s');
  });

  it('ends the process when the stop fails', async () => {
    const process = new FakeProcess();
    process.start();
    process.control.onSignal('SIGTERM');
    await process.stopFails();
    expect(process.ends).toEqual(['SIGTERM']);
  });
});

describe('a bug', () => {
  it('stops the server and fails', async () => {
    const process = new FakeProcess();
    process.start();
    process.control.onBug(new Error('oops'));
    await process.stopped('drained');
    expect(process.exitCode).toBe(1);
    expect(process.lines.some(({ level }) => level === 'fatal')).toBe(true);
  });

  it('makes a stop that is under way fail', async () => {
    const process = new FakeProcess();
    process.start();
    process.control.onSignal('SIGTERM');
    process.control.onBug(new Error('oops'));
    expect(process.stops).toBe(1);
    expect(process.ends).toEqual([]);
    await process.stopped('drained');
    expect(process.exitCode).toBe(1);
  });

  it('ends the process while it starts', () => {
    const process = new FakeProcess();
    process.control.onBug(new Error('oops'));
    expect(process.ends).toEqual(['SIGTERM']);
  });
});

describe('a process that lingers', () => {
  it('is ended some seconds after the stop', async () => {
    const process = new FakeProcess();
    process.start();
    process.control.onSignal('SIGTERM');
    await process.stopped('drained');
    await process.clock.advance(9e9);
    expect(process.ends).toEqual([]);
    await process.clock.advance(2e9);
    expect(process.ends).toEqual(['SIGTERM']);
  });
});
