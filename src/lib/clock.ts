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
  /**
   * Calls `fire` once after `delayNs`, or earlier when that is more than 24 days; a pending timer does
   * not keep the process alive.
   */
  setTimer(delayNs: number, fire: () => void): Timer;
  /** Calls `fire` when everything that has arrived by now has been handled: microseconds later at rest. */
  afterTurn(fire: () => void): void;
}

const MILLISECOND_NS = 1e6;

/** What setTimeout can count; longer delays would fire at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

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
    if (delayNs < MILLISECOND_NS) return fineTimer(nowNs() + delayNs, fire);
    const timer = setTimeout(fire, Math.min(TIMEOUT_MS_MAX, Math.ceil(delayNs / MILLISECOND_NS)));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  // Immediates run right after the sockets that are readable have been read.
  afterTurn(fire) {
    setImmediate(fire);
  },
};

/** Node's timers count whole milliseconds: shorter waits watch the clock between rounds of the event loop. */
function fineTimer(dueNs: number, fire: () => void): Timer {
  const look = (): void => {
    if (nowNs() >= dueNs) fire();
    else next = setImmediate(look);
  };
  let next = setImmediate(look);
  return { cancel: () => clearImmediate(next) };
}

/** Resolves after `delayNs` of `clock`'s time. */
export function sleep(clock: Clock, delayNs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayNs, resolve);
  });
}
