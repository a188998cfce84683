import type { Clock } from '../lib/clock.js';
import type { DoorSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type Answer, errorBody, type HttpDoor, listenHttp, METHODS } from './listener.js';

export interface MetricsDoorOptions {
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  readonly settings: DoorSettings;
  readonly log: Log;
  readonly clock?: Clock;
}

const PATH = '/metrics';

/**
 * Opens the port that Prometheus scrapes, which knows the one path `/metrics`. Rejects with an Error whose
 * text says what to do when it can't listen.
 */
export function openMetricsDoor({ metrics, ...options }: MetricsDoorOptions): Promise<HttpDoor> {
  return listenHttp({
    ...options,
    name: 'metrics',
    flag: '--metrics',
    answer: (method, path) => answerScrape(metrics, method, path),
  });
}

async function answerScrape(
  metrics: MetricsDoorOptions['metrics'],
  method: string,
  path: string,
): Promise<Answer> {
  if (path !== PATH && !path.startsWith(`${PATH}?`)) return failure(404, 'Not Found', null);
  if (method !== 'GET' && method !== 'HEAD') return failure(405, 'Method Not Allowed', METHODS);
  return { status: 200, contentType: metrics.contentType, body: await metrics.text(), allow: null };
}

function failure(status: number, text: string, allow: string | null): Answer {
  return { status, contentType: 'text/plain', body: errorBody(text), allow };
}
