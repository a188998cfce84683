import type { Route, RouteContext } from '../route.js';
import { answerGenerate, answerGenerateStream } from './generate-route.js';
import type { ModelName } from './http-infer-request.js';
import { answerInfer } from './infer-route.js';
import { JsonConverter } from './json-converter.js';

const toName = ({ model = '', version = '' }: Readonly<Record<string, string | undefined>>): ModelName => ({
  model,
  version,
});

const converterOf = ({ jsonThreads }: RouteContext): JsonConverter => new JsonConverter(jsonThreads ?? null);

/** Inference. */
export const INFER_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/infer$/,
    methods: ['POST'],
    category: 'inference',
    contentType: 'text/plain',
    compresses: true,
    answer: (context, request, names) => answerInfer(context, converterOf(context), request, toName(names)),
  },
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/generate$/,
    methods: ['POST'],
    category: 'inference',
    contentType: 'application/json',
    answer: (context, request, names) =>
      answerGenerate(context, converterOf(context), request, toName(names)),
  },
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/generate_stream$/,
    methods: ['POST'],
    category: 'inference',
    contentType: 'application/json',
    answer: (context, request, names) =>
      answerGenerateStream(context, converterOf(context), request, toName(names)),
  },
];
