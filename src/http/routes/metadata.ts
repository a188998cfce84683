import { jsonReply } from '../reply.js';
import type { Route } from '../route.js';

/** What the server and its models are. */
export const METADATA_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2$/,
    methods: ['GET'],
    category: 'metadata',
    contentType: 'application/json',
    answer: ({ service }) => jsonReply(service.serverMetadata()),
  },
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?$/,
    methods: ['GET'],
    category: 'metadata',
    contentType: 'application/json',
    answer: ({ service }, _request, { model = '', version = '' }) =>
      jsonReply(service.modelMetadata(model, version)),
  },
];
