import { toStatisticsMessage } from '../../service/statistics-message.js';
import type { ModelStatistics } from '../../service/views.js';
import { jsonReply } from '../reply.js';
import type { Route } from '../route.js';

/** How often and how long models have run. */
export const STATISTICS_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/models\/stats$/,
    methods: ['GET'],
    category: 'statistics',
    contentType: 'application/json',
    answer: ({ service }) => jsonReply(toJson(service.modelStatistics('', ''))),
  },
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/stats$/,
    methods: ['GET'],
    category: 'statistics',
    contentType: 'application/json',
    answer: ({ service }, _request, { model = '', version = '' }) =>
      jsonReply(toJson(service.modelStatistics(model, version))),
  },
];

function toJson(statistics: readonly ModelStatistics[]): object {
  // No backend tells what memory its models take.
  return { model_stats: statistics.map((each) => ({ ...toStatisticsMessage(each), memory_usage: [] })) };
}
