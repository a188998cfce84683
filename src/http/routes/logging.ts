import type { LogSettingValue } from '../../service/log-settings.js';
import { readJsonObject } from '../json.js';
import { jsonReply } from '../reply.js';
import type { Route } from '../route.js';

const NO_CHANGES: ReadonlyMap<string, LogSettingValue | null> = new Map();

/** Settings of the log. */
export const LOGGING_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/logging$/,
    methods: ['GET', 'POST'],
    category: 'logging',
    contentType: 'application/json',
    answer: async ({ service }, request) => {
      const changes = request.method === 'POST' ? toChanges(await readJsonObject(request)) : NO_CHANGES;
      return jsonReply(Object.fromEntries(service.logSettings(changes)));
    },
  },
];

function toChanges(members: object): ReadonlyMap<string, LogSettingValue | null> {
  return new Map(Object.entries(members).map(([name, value]) => [name, isValue(value) ? value : null]));
}

function isValue(value: unknown): value is LogSettingValue {
  return typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string';
}
