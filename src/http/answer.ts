import { toServingError } from '../errors/serving-error.js';
import type { InferenceService } from '../service/service.js';
import { type Answer, errorBody, METHODS } from './listener.js';
import { HTTP_STATUS } from './status.js';

interface Route {
  readonly pattern: RegExp;
  /** Triton sets the type of these routes before it looks at the method. */
  readonly contentType: 'application/json' | 'text/plain';
  answer(service: InferenceService, match: RegExpExecArray): Omit<Answer, 'contentType' | 'allow'>;
}

const state = (good: boolean): { status: number; body: string } => ({ status: good ? 200 : 400, body: '' });

const ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/health\/live$/,
    contentType: 'text/plain',
    answer: (service) => state(service.isLive()),
  },
  {
    pattern: /^\/v2\/health\/ready$/,
    contentType: 'text/plain',
    answer: (service) => state(service.isReady()),
  },
  {
    pattern: /^\/v2$/,
    contentType: 'application/json',
    answer: (service) => ({ status: 200, body: JSON.stringify(service.serverMetadata()) }),
  },
  {
    pattern: /^\/v2\/models\/([^/]+)(?:\/versions\/(\d+))?\/ready$/,
    contentType: 'text/plain',
    answer: (service, match) =>
      service.isModelReady(decodeURIComponent(match[1] ?? ''), match[2] ?? '')
        ? state(true)
        : { status: 400, body: errorBody('Model version not ready') },
  },
];

/**
 * Answers one request; `path` as it came, a query after it is ignored. Never throws: errors that are not
 * for clients go to `onInternalError`.
 */
export function answerRequest(
  service: InferenceService,
  method: string,
  path: string,
  onInternalError: (error: unknown) => void,
): Answer {
  const query = path.indexOf('?');
  const bare = query < 0 ? path : path.slice(0, query);
  for (const route of ROUTES) {
    const match = route.pattern.exec(bare);
    if (match === null) continue;
    const { contentType } = route;
    if (method !== 'GET' && method !== 'HEAD') {
      return { status: 405, contentType, body: errorBody('Method Not Allowed'), allow: METHODS };
    }
    try {
      return { ...route.answer(service, match), contentType, allow: null };
    } catch (error) {
      // A model's name with a broken escape: no such path.
      if (error instanceof URIError) break;
      const { code, message } = toServingError(error);
      if (code === 'INTERNAL') onInternalError(error);
      return { status: HTTP_STATUS[code], contentType, body: errorBody(message), allow: null };
    }
  }
  return { status: 404, contentType: 'text/plain', body: errorBody('Not Found'), allow: null };
}
