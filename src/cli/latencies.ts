/** Latencies of repeated requests, in milliseconds. */
export interface LatencySummary {
  readonly requests: number;
  readonly seconds: number;
  readonly requests_per_second: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Sums up measurements of at least one request; percentiles are measured values, never in between. */
export function summarize(latenciesNs: readonly number[], elapsedNs: number): LatencySummary {
  const sorted = [...latenciesNs].sort((a, b) => a - b);
  const at = (share: number): number => {
    const index = Math.max(0, Math.ceil(share * sorted.length) - 1);
    return milliseconds(sorted[index] ?? 0);
  };
  return {
    requests: sorted.length,
    seconds: elapsedNs / 1e9,
    requests_per_second: Math.round((sorted.length / elapsedNs) * 1e10) / 10,
    min: at(0),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: at(1),
  };
}

export function formatLatencies(summary: LatencySummary): string {
  const { requests, seconds, requests_per_second: rate, min, p50, p90, p99, max } = summary;
  return [
    `${requests} requests in ${seconds.toFixed(2)} s, ${rate} per second\n`,
    `latency in ms: min ${min}, p50 ${p50}, p90 ${p90}, p99 ${p99}, max ${max}\n`,
  ].join('');
}

function milliseconds(ns: number): number {
  return Math.round(ns / 1e3) / 1e3;
}
