import type { Clock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import type { DoorSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type HttpListener, limitStall, listenHttp } from './listener.js';
import { errorReply, thrownReply } from './reply.js';
import type { HttpReply } from './route.js';

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
export function openMetricsDoor({ metrics, ...options }: MetricsDoorOptions): Promise<HttpListener> {
  return listenHttp({
    ...options,
    name: 'metrics',
    flag: '--metrics',
    connectionsMax: LIMITS.metricsConnectionsMax,
    requestMs: LIMITS.httpRequestMs,
    async handle(request, response, connectionHeaders) {
      const { method = 'GET', url = '/' } = request;
      const { status, contentType, headers, body } = await answerScrape(metrics, method, url).catch(
        (error: unknown) => {
          options.log.error({ err: error, url }, 'metrics request failed');
          return thrownReply(error, 'text/plain');
        },
      );
      const page = String(body);
      response.writeHead(status, {
        'Content-Type': contentType,
        'Content-Length': Buffer.byteLength(page),
        ...connectionHeaders(),
        ...headers,
      });
      limitStall(response, LIMITS.httpStalledMs);
      response.end(method === 'HEAD' ? undefined : page);
    },
  });
}

async function answerScrape(
  metrics: MetricsDoorOptions['metrics'],
  method: string,
  path: string,
): Promise<HttpReply> {
  if (path !== PATH && !path.startsWith(`${PATH}?`)) return errorReply(404, 'Not Found', 'text/plain');
  if (method !== 'GET' && method !== 'HEAD') {
    return errorReply(405, 'Method Not Allowed', 'text/plain', { Allow: 'GET, HEAD' });
  }
  return { kind: 'whole', status: 200, contentType: metrics.contentType, body: await metrics.text() };
}
