import type { ModelConfig } from '../../model-config/message.js';
import { isObject } from '../json.js';
import { jsonReply } from '../reply.js';
import type { Route } from '../route.js';

/** How models are configured, with what was filled in. */
export const MODEL_CONFIG_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/config$/,
    methods: ['GET'],
    category: 'model-config',
    contentType: 'application/json',
    answer: ({ service }, _request, { model = '', version = '' }) =>
      jsonReply(toJson(service.modelConfig(model, version))),
  },
];

/**
 * A configuration as Triton writes it: protobuf's JSON has 64-bit integers as strings, which Triton turns
 * into numbers everywhere but in these two places.
 */
function toJson(config: ModelConfig): object {
  const { sequence_batching: sequences, optimization } = config;
  return {
    ...config,
    ...(optimization?.cuda !== undefined && {
      optimization: { ...optimization, cuda: withTexts(optimization.cuda, ['graph_spec', 'dim']) },
    }),
    ...(sequences !== undefined && {
      sequence_batching: withTexts(sequences, ['initial_state', 'dims']),
    }),
  };
}

/** A copy with the numbers as strings that lie below members of these names, one within the other. */
function withTexts(value: unknown, names: readonly string[]): unknown {
  if (typeof value === 'number') return names.length === 0 ? String(value) : value;
  if (Array.isArray(value)) return value.map((item) => withTexts(item, names));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      withTexts(member, key === names[0] ? names.slice(1) : names),
    ]),
  );
}
