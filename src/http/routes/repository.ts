import { httpErrors, serverErrors } from '../../errors/catalogue.js';
import {
  type ControlParameter,
  readLoadOptions,
  readUnloadOptions,
} from '../../service/repository-control.js';
import type { IndexEntry } from '../../service/views.js';
import { booleanOf, isObject, type JsonObject, readJsonObject } from '../json.js';
import { readLoadParameters } from '../load-body.js';
import { jsonReply } from '../reply.js';
import type { HttpReply, HttpRequest, Route, RouteContext } from '../route.js';

/** What lies in the repository, and its loading and unloading. */
export const REPOSITORY_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/repository(?:\/[^/]+)?\/index$/,
    methods: ['POST'],
    category: 'model-repository',
    contentType: 'application/json',
    async answer({ service }, request) {
      const members = await readJsonObject(request);
      // Triton takes the repository's name here, and no notice of it.
      const entries = await service.repositoryIndex('', booleanOf(members, 'ready'));
      return jsonReply(entries.map(toIndexJson));
    },
  },
  {
    pattern: /^\/v2\/repository(?:\/(?<repository>[^/]+))?\/models\/(?<model>[^/]+)\/load$/,
    methods: ['POST'],
    category: 'model-repository',
    contentType: 'application/json',
    answer: (context, request, names) => control(context, request, names, load),
  },
  {
    pattern: /^\/v2\/repository(?:\/(?<repository>[^/]+))?\/models\/(?<model>[^/]+)\/unload$/,
    methods: ['POST'],
    category: 'model-repository',
    contentType: 'application/json',
    answer: (context, request, names) => control(context, request, names, unload),
  },
];

/** As Triton writes it: a model that was never loaded has a name only. */
function toIndexJson({ name, version, state, reason }: IndexEntry): object {
  if (state === '') return { name };
  return { name, version, state, ...(reason !== '' && { reason }) };
}

type Act = (context: RouteContext, request: HttpRequest, model: string) => Promise<void>;

/** What has begun goes on when its client goes: others may wait for the same. */
async function control(
  context: RouteContext,
  request: HttpRequest,
  { repository, model = '' }: Readonly<Record<string, string | undefined>>,
  act: Act,
): Promise<HttpReply> {
  if (repository !== undefined) throw serverErrors.repositoryNameUnsupported();
  if (!context.accepting()) throw httpErrors.shuttingDown();
  await act(context, request, model);
  return jsonReply();
}

async function load({ service, clock }: RouteContext, request: HttpRequest, model: string): Promise<void> {
  await service.loadModel(model, readLoadOptions(await readLoadParameters(request, clock)));
}

async function unload({ service }: RouteContext, request: HttpRequest, model: string): Promise<void> {
  await service.unloadModel(model, readUnloadOptions(controlParameters(await readJsonObject(request))));
}

function controlParameters(members: JsonObject): ReadonlyMap<string, ControlParameter> {
  const parameters = Object.hasOwn(members, 'parameters') ? members.parameters : {};
  if (!isObject(parameters)) throw httpErrors.notObject('parameters');
  return new Map(
    Object.entries(parameters).map(([key, value]): [string, ControlParameter] => [
      key,
      typeof value === 'boolean' ? { kind: 'bool', value } : { kind: 'other' },
    ]),
  );
}
