import { Caller, type CallOptions, type ClientOptions } from './caller.js';
import { InferenceError } from './errors.js';
import type { HealthCheckResponse__Output } from './generated/grpc/health/v1/HealthCheckResponse.js';
import type { ModelConfig__Output } from './generated/inference/ModelConfig.js';
import type { ModelMetadataResponse__Output } from './generated/inference/ModelMetadataResponse.js';
import type { ModelStatistics__Output } from './generated/inference/ModelStatistics.js';
import type { ModelStreamInferResponse__Output } from './generated/inference/ModelStreamInferResponse.js';
import type { ServerMetadataResponse__Output } from './generated/inference/ServerMetadataResponse.js';
import { type InferRequest, toModelInferRequest } from './infer-request.js';
import { InferResult } from './infer-result.js';
import { healthMethods, inferenceMethods } from './protocol.js';
import { RepositoryControl } from './repository.js';

/** Answers to the protocol's questions, as its .proto files have them; 64-bit integers beyond 2^53 are rounded. */
export type ServerMetadata = ServerMetadataResponse__Output;
export type ModelMetadata = ModelMetadataResponse__Output;
export type ModelConfig = ModelConfig__Output;
export type ModelStatistics = ModelStatistics__Output;
export type HealthStatus = HealthCheckResponse__Output['status'];

/** What a stream gives, with the id of the request that it answers. */
export type StreamAnswer =
  | { readonly kind: 'result'; readonly id: string; readonly isLast: boolean; readonly result: InferResult }
  /** The end of a request to a decoupled model, without an answer of its own. */
  | { readonly kind: 'end'; readonly id: string; readonly isLast: true }
  /** The request has failed, the stream goes on. */
  | { readonly kind: 'error'; readonly id: string; readonly isLast: true; readonly error: InferenceError };

const FINAL = 'triton_final_response';

/**
 * A client of one server. Calls reject with `InferenceError` when they fail, after the tries that the policy
 * allows, and with the reason of `options.signal` when that is aborted.
 */
export class InferenceClient {
  readonly #caller: Caller;
  /** Which models are served. */
  readonly repository: RepositoryControl;

  /** @param address of the gRPC port, e.g. `localhost:8001`; connects with the first call */
  constructor(address: string, options: ClientOptions = {}) {
    this.#caller = new Caller(address, options);
    this.repository = new RepositoryControl(this.#caller);
  }

  /** Asks a model once. Decoupled models answer `stream` only. */
  async infer(request: InferRequest, options?: CallOptions): Promise<InferResult> {
    const message = toModelInferRequest(request);
    return new InferResult(await this.#caller.unary(inferenceMethods.ModelInfer, message, options));
  }

  /**
   * Asks on one stream, any number of requests. They are taken from `requests` only as fast as the server reads
   * them, and answers are read only as fast as they are iterated. Leaving the loop cancels what is unanswered.
   * Throws `InferenceError` when the stream as a whole fails; it is not tried again.
   */
  async *stream(
    requests: AsyncIterable<InferRequest> | Iterable<InferRequest>,
    options?: CallOptions,
  ): AsyncGenerator<StreamAnswer, void, undefined> {
    const { ModelStreamInfer } = inferenceMethods;
    const answers = this.#caller.duplexStream(ModelStreamInfer, requests, toModelInferRequest, options);
    for await (const answer of answers) yield toStreamAnswer(answer);
  }

  /** Whether the server's process answers. */
  async isLive(options?: CallOptions): Promise<boolean> {
    return (await this.#caller.unary(inferenceMethods.ServerLive, {}, options)).live;
  }

  /** Whether the server may be asked. */
  async isReady(options?: CallOptions): Promise<boolean> {
    return (await this.#caller.unary(inferenceMethods.ServerReady, {}, options)).ready;
  }

  /** Whether the model may be asked; false for one that is not known, too. */
  async isModelReady(name: string, version: string | number = '', options?: CallOptions): Promise<boolean> {
    const request = { name, version: String(version) };
    return (await this.#caller.unary(inferenceMethods.ModelReady, request, options)).ready;
  }

  /** Health by gRPC's own service. @param service `''` for the server, or a model's name */
  async health(service = '', options?: CallOptions): Promise<HealthStatus> {
    return (await this.#caller.unary(healthMethods.Check, { service }, options)).status;
  }

  /** The health now and at each change, until the loop is left. */
  async *watchHealth(service = '', options?: CallOptions): AsyncGenerator<HealthStatus, void, undefined> {
    for await (const { status } of this.#caller.serverStream(healthMethods.Watch, { service }, options)) {
      yield status;
    }
  }

  /** Name, version and protocol extensions of the server. */
  serverMetadata(options?: CallOptions): Promise<ServerMetadata> {
    return this.#caller.unary(inferenceMethods.ServerMetadata, {}, options);
  }

  /** Inputs, outputs and versions of a model. */
  modelMetadata(name: string, version: string | number = '', options?: CallOptions): Promise<ModelMetadata> {
    return this.#caller.unary(inferenceMethods.ModelMetadata, { name, version: String(version) }, options);
  }

  /** The configuration in force. */
  async modelConfig(
    name: string,
    version: string | number = '',
    options?: CallOptions,
  ): Promise<ModelConfig> {
    const request = { name, version: String(version) };
    const { config } = await this.#caller.unary(inferenceMethods.ModelConfig, request, options);
    if (config === null) throw new Error(`the server has sent no configuration of model '${name}'`);
    return config;
  }

  /** Counts and times. @param name `''` for all models that are ready */
  async modelStatistics(
    name = '',
    version: string | number = '',
    options?: CallOptions,
  ): Promise<readonly ModelStatistics[]> {
    const request = { name, version: String(version) };
    return (await this.#caller.unary(inferenceMethods.ModelStatistics, request, options)).modelStats;
  }

  /** Closes the connection when calls that run have ended. */
  close(): void {
    this.#caller.close();
  }
}

function toStreamAnswer({ errorMessage, inferResponse }: ModelStreamInferResponse__Output): StreamAnswer {
  const id = inferResponse?.id ?? '';
  if (errorMessage !== '' || inferResponse === null) {
    return { kind: 'error', id, isLast: true, error: new InferenceError(null, errorMessage) };
  }
  const isLast = inferResponse.parameters[FINAL]?.boolParam === true;
  if (isLast && inferResponse.outputs.length === 0) return { kind: 'end', id, isLast };
  return { kind: 'result', id, isLast, result: new InferResult(inferResponse) };
}
