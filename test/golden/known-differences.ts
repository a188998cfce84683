import type { Answer, JsonObject } from './recording.js';

export interface KnownDifference {
  readonly why: string;
  /** The answers that are given instead of the recorded ones. */
  ours(recorded: readonly Answer[]): readonly Answer[];
}

/** What Triton answers with 500 about its JSON parser. */
const MISTAKES_IN_JSON = [
  'http-infer/json-string-for-int',
  'http-infer/inputs-not-array',
  'http-infer/input-no-name',
  'http-infer/input-no-datatype',
  'http-infer/output-no-name',
  'http-binary/header-too-short',
  'http-binary/size-text',
  'http-binary/size-negative',
];

/** Cases in which this server answers otherwise than Triton, and why; the list may only shrink. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, KnownDifference>> = {
  'validation/shape-overflow': {
    why: 'Triton keeps batch sizes in 32 bits, where 2^40 is 0; here it is a batch that is too large',
    ours: () => [
      {
        status: 'INVALID_ARGUMENT',
        message: "[request id: <id_unknown>] inference request batch-size must be <= 8 for 'simple'",
      },
    ],
  },
  'metrics/cached': {
    why: 'answers are not cached: each request runs',
    ours: ([first, second, page]) => [
      first ?? {},
      second ?? {},
      {
        lines: (page?.lines ?? [])
          .filter((line) => !line.startsWith('nv_cache_'))
          .map((line) =>
            line.replace(/^(nv_inference_count.*) 5$/, '$1 10').replace(/(exec_count.*) 1$/, '$1 2'),
          ),
      },
    ],
  },
  'http/head-live': {
    why: 'probes use HEAD; it is answered as GET, without a body',
    ours: () => [{ status: 200, 'content-type': 'text/plain' }],
  },
  'trace/http-number': {
    why: 'Triton calls a mistake of the client its own; here it is INVALID_ARGUMENT',
    ours: () => [refused("expect string for 'trace_rate'")],
  },
  'log/http-bad': {
    why: 'Triton calls a mistake of the client its own; here it is INVALID_ARGUMENT',
    ours: () => [refused("expect boolean for 'log_info'")],
  },
  ...Object.fromEntries(
    MISTAKES_IN_JSON.map((id): [string, KnownDifference] => [
      id,
      {
        why: 'Triton calls a mistake of the client its own; here it is INVALID_ARGUMENT',
        ours: (recorded) => recorded.map((answer) => ({ ...answer, status: 400 })),
      },
    ]),
  ),
  'none/index': {
    why: 'a version that can not be loaded leaves the others in service, and reasons are told where Triton has none',
    ours: ([index]) => [
      inIndex(index, {
        bad_config: [
          unserved(
            '',
            'config.pbtxt:9: dynamic batching preferred size must be <= max batch size for bad_config',
          ),
        ],
        no_version: [
          unserved(
            '',
            "at least one version must be available under the version policy of model 'no_version', its folder has no version folder like 1/",
          ),
        ],
        partly: [
          { version: '1', state: 'READY', reason: '' },
          unserved(
            '2',
            'Internal: onnx runtime error 7: Load model from <REPO>/partly/2/model.onnx failed:Protobuf parsing failed.',
          ),
        ],
      }),
    ],
  },
  'none/infer-partly': {
    why: 'a version that can not be loaded leaves the others in service',
    ours: () => [
      {
        status: 'OK',
        response: {
          id: '',
          model_name: 'partly',
          model_version: '1',
          outputs: [output('OUTPUT0', (i) => i + 1), output('OUTPUT1', (i) => i - 1)],
          raw_output_contents: 2,
        },
      },
    ],
  },
};

/** INVALID_ARGUMENT over HTTP. */
const refused = (error: string): Answer => ({
  status: 400,
  'content-type': 'application/json',
  json: { error },
});

type Row = { readonly version: string; readonly state: string; readonly reason: string };

const unserved = (version: string, reason: string): Row => ({ version, state: 'UNAVAILABLE', reason });

/** An index with other rows for some models. */
function inIndex(index: Answer | undefined, rows: Readonly<Record<string, readonly Row[]>>): Answer {
  const models = (index?.response?.models ?? []) as JsonObject[];
  const changed = Object.entries(rows).flatMap(([name, own]) => own.map((row) => ({ name, ...row })));
  return {
    status: 'OK',
    response: { models: [...models.filter(({ name }) => !(String(name) in rows)), ...changed] },
  };
}

const output = (name: string, element: (index: number) => number): JsonObject => ({
  name,
  datatype: 'INT32',
  shape: [1, 16],
  data: Array.from({ length: 16 }, (_, index) => element(index)),
});
