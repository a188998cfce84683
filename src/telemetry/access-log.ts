import type { StatusCode } from '../errors/serving-error.js';
import type { Timings } from '../inference/timings.js';
import type { Log } from './log.js';

/** What the access log says of one inference request. */
export interface AccessRecord {
  readonly id: string;
  readonly peer: string;
  readonly model: string;
  /** The version that answered, or the one asked for when none did. */
  readonly version: string;
  /** 0 when the request was refused before its rows were known. */
  readonly rows: number;
  readonly timings: Timings;
  readonly endNs: number;
  readonly status: StatusCode | 'OK';
}

const us = (fromNs: number, toNs: number): number =>
  fromNs > 0 && toNs > fromNs ? Math.round((toNs - fromNs) / 1000) : 0;

/** One line at info for one request; durations in microseconds. */
export function logAccess(log: Log, record: AccessRecord): void {
  const { timings } = record;
  log.info(
    {
      id: record.id,
      peer: record.peer,
      model: record.model,
      version: record.version,
      rows: record.rows,
      queue_us: us(timings.queueStart, timings.computeStart),
      compute_us: us(timings.computeStart, timings.computeEnd),
      total_us: us(timings.received, record.endNs),
      status: record.status,
    },
    'infer',
  );
}
