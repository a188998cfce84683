import { errorReply } from '../reply.js';
import type { HttpReply, Route } from '../route.js';

const state = (good: boolean): HttpReply => ({
  kind: 'whole',
  status: good ? 200 : 400,
  contentType: 'text/plain',
  body: '',
});

/** Whether the server and its models live and are ready. */
export const HEALTH_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/health\/live$/,
    methods: ['GET'],
    category: 'health',
    contentType: 'text/plain',
    answer: ({ service }) => state(service.isLive()),
  },
  {
    pattern: /^\/v2\/health\/ready$/,
    methods: ['GET'],
    category: 'health',
    contentType: 'text/plain',
    answer: ({ service }) => state(service.isReady()),
  },
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/ready$/,
    methods: ['GET'],
    category: 'health',
    contentType: 'text/plain',
    answer: ({ service }, _request, { model = '', version = '' }) =>
      service.isModelReady(model, version)
        ? state(true)
        : errorReply(400, 'Model version not ready', 'text/plain'),
  },
];
