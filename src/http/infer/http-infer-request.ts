import { ServingError } from '../../errors/serving-error.js';
import { withHeaders } from '../../inference/forward-headers.js';
import type {
  Cancellation,
  InferInput,
  InferRequest,
  RequestedOutput,
  RequestOptions,
  RequestProblems,
  TraceContext,
} from '../../inference/request.js';
import { readRequestOptions } from '../../inference/request-options.js';
import { readTraceContext } from '../../inference/trace-context.js';
import type { HttpRequest } from '../route.js';
import type { JsonOutput, JsonRequest } from './json-request.js';

/** The model that a path names; '' = the latest version that is ready. */
export interface ModelName {
  readonly model: string;
  readonly version: string;
}

/** An inference request that came over HTTP. */
export class HttpInferRequest implements InferRequest {
  readonly protocol = 'http';
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly options: RequestOptions;
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly RequestedOutput[];
  readonly problems: RequestProblems;
  readonly deadlineNs = Number.POSITIVE_INFINITY;
  readonly cancellation: Cancellation;
  readonly receivedNs: number;
  readonly #request: HttpRequest;

  /**
   * @param inputs with the data that lie behind the JSON
   * @param payload what is wrong with those
   */
  constructor(
    { model, version }: ModelName,
    request: HttpRequest,
    json: JsonRequest,
    inputs: readonly InferInput[],
    payload: ServingError | null,
  ) {
    this.modelName = model;
    this.modelVersion = version;
    this.id = json.id;
    const { options, problem } = readRequestOptions(json.parameters);
    const forwarded = request.forwarded;
    this.options = withHeaders(options, forwarded.parameters);
    this.inputs = inputs;
    this.outputs = json.outputs.map(toRequestedOutput);
    const found = json.problem;
    const error = found === null ? null : new ServingError(found.code, found.text);
    this.problems = {
      parameters: found?.stage === 'parameters' ? error : problem,
      // Triton looks at headers after the parameters and before the data.
      payload: forwarded.problem ?? (found?.stage === 'payload' ? error : payload),
      outputs: found?.stage === 'outputs' ? error : null,
    };
    this.cancellation = request.cancellation;
    this.receivedNs = request.receivedNs;
    this.#request = request;
  }

  /** Only the access log asks for it. */
  get peer(): string {
    return this.#request.peer;
  }

  get traceContext(): TraceContext | undefined {
    const { traceparent, tracestate } = this.#request.headers;
    return readTraceContext(textOf(traceparent), textOf(tracestate));
  }

  whenSent(listener: (ns: number) => void): void {
    this.#request.whenSent(listener);
  }
}

function toRequestedOutput({ name, classification, shared }: JsonOutput): RequestedOutput {
  return { name, classification, ...(shared !== null && { sharedMemory: shared }) };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join() : header;
}
