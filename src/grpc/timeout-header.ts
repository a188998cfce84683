import type { IncomingHttpHeaders } from 'node:http2';

const HEADER = 'grpc-timeout';
/** grpc-js keeps milliseconds in 32 bits: what is longer than 24.8 days turns into an instant timeout. */
const MS_MAX = 2 ** 31 - 1;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Mends deadlines that grpc-js would misread as one that has passed: a longer one than it can count is
 * taken away, nobody waits that long; one below a millisecond becomes a millisecond.
 */
export function repairTimeout(headers: IncomingHttpHeaders): void {
  const value = headers[HEADER];
  if (typeof value !== 'string') return;
  const ms = Number.parseInt(value, 10) * (UNIT_MS[value.slice(-1)] ?? 1);
  if (ms > MS_MAX) delete headers[HEADER];
  else if (ms > 0 && ms < 1) headers[HEADER] = '1m';
}

/**
 * A call's deadline, milliseconds since the epoch, as monotonic nanoseconds; Infinity when it has none.
 * `wallMs` and `nowNs` are the same moment.
 */
export function toDeadlineNs(deadline: Date | number, wallMs: number, nowNs: number): number {
  return nowNs + (Number(deadline) - wallMs) * 1e6;
}
