/** A pending timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/**
 * The only source of time. Production uses {@link systemClock}; tests turn one of their own.
 * `nowNs` is monotonic and comparable between threads of one process.
 */
export interface Clock {
  /** Monotonic time in nanoseconds. */
  nowNs(): number;
  /** Wall-clock time in milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls `fire` once after `delayNs`; a pending timer does not keep the process alive. */
  setTimer(delayNs: number, fire: () => void): Timer;
}

// hrtime reads the machine's monotonic clock, so a worker's timestamps can be subtracted from ours;
// performance.now() counts from a different origin in every thread.
function nowNs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e9 + nanoseconds;
}

export const systemClock: Clock = {
  nowNs,
  wallMs: () => Date.now(),
  setTimer(delayNs, fire) {
    const timer = setTimeout(fire, Math.max(0, Math.ceil(delayNs / 1e6)));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Resolves after `delayNs` of `clock`'s time. */
export function sleep(clock: Clock, delayNs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayNs, resolve);
  });
}
