import type { Clock } from '../lib/clock.js';
import type { InferenceService } from '../service/service.js';
import type { DoorSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { answerRequest } from './answer.js';
import { type HttpDoor, listenHttp } from './listener.js';

export type { HttpDoor } from './listener.js';

export interface HttpDoorOptions {
  readonly service: InferenceService;
  readonly settings: DoorSettings;
  readonly log: Log;
  readonly clock?: Clock;
}

/**
 * Opens the HTTP port: health, readiness and the server's metadata, as Triton's. Rejects with an Error
 * whose text says what to do when it can't listen.
 */
export function openHttpDoor({ service, ...options }: HttpDoorOptions): Promise<HttpDoor> {
  return listenHttp({
    ...options,
    name: 'HTTP',
    flag: '--http',
    answer: (method, path) =>
      answerRequest(service, method, path, (error) =>
        options.log.error({ err: error, url: path }, 'HTTP request failed'),
      ),
  });
}
