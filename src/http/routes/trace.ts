import { logErrors, traceErrors } from '../../errors/settings-errors.js';
import type { TraceChanges } from '../../telemetry/trace/trace-setting.js';
import { type JsonObject, readJsonObject } from '../json.js';
import { jsonReply } from '../reply.js';
import type { Route } from '../route.js';

const NO_CHANGES: TraceChanges = new Map();

/** The only setting of several values, which has a list in JSON; the others have a string. */
const LIST = 'trace_level';

/** Settings of traces, of all models or of one. */
export const TRACE_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2(?:\/models\/(?<model>[^/]+))?\/trace\/setting$/,
    methods: ['GET', 'POST'],
    category: 'trace',
    contentType: 'application/json',
    answer: async ({ service }, request, { model = '' }) => {
      const changes = request.method === 'POST' ? toChanges(await readJsonObject(request)) : NO_CHANGES;
      const settings = service.traceSettings(model, changes);
      return jsonReply(
        Object.fromEntries(
          [...settings].map(([name, values]) => [name, name === LIST ? values : values.join()]),
        ),
      );
    },
  },
];

/** Null clears. Names that mean nothing are passed over, whatever they have. Throws INVALID_ARGUMENT. */
function toChanges(members: JsonObject): TraceChanges {
  return new Map(
    Object.entries(members).map(([name, value]): [string, readonly string[]] => {
      if (value === null) return [name, []];
      if (name === LIST) {
        if (!isList(value)) throw traceErrors.notList(name);
        return [name, value];
      }
      if (typeof value === 'string') return [name, [value]];
      throw logErrors.string(name);
    }),
  );
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
