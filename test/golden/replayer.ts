import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { ServiceClient } from '../grpc/service-client.js';
import { statusName } from '../support/client.js';
import type { TestServer } from '../support/server.js';
import { StreamClient } from '../support/stream-client.js';
import { answerHttp } from './http-step.js';
import { answerMetrics } from './metrics-step.js';
import { type Answer, isObject, type Json, type JsonObject, type Step } from './recording.js';
import { doShm } from './shm-step.js';
import { toRecordedInfer } from './tensors.js';

/** Does what the recording client did, on a server of ours, and writes answers as it did. */
export class Replayer {
  readonly #server: TestServer;
  readonly #repository: string;
  readonly #health: ServiceClient;
  readonly #streams: StreamClient;

  /** @param repository absolute path, `<REPO>` in answers */
  constructor(server: TestServer, repository: string) {
    this.#server = server;
    this.#repository = repository;
    this.#streams = new StreamClient(server.server.grpcPort ?? 0);
    this.#health = new ServiceClient(server.server.grpcPort ?? 0, 'grpc.health.v1.Health', 'health.proto');
  }

  async answer(step: Step): Promise<Answer> {
    const { sleep_ms, parallel, http, metrics, grpc, request = {}, shm, key } = step;
    if (sleep_ms !== undefined) {
      await pause(sleep_ms);
      return {};
    }
    if (shm !== undefined && key !== undefined) return doShm({ ...step, shm, key });
    if (parallel !== undefined) {
      const begun = parallel.map(async (part) => {
        await pause(part.at_ms);
        return this.answer(part);
      });
      return { results: await Promise.all(begun) };
    }
    if (http !== undefined) return this.#inTerms(await answerHttp(this.#server.httpUrl, http));
    if (metrics !== undefined) return answerMetrics(this.#server.server.metricsPort ?? 0, metrics.match);
    if (step.requests !== undefined) return this.#stream(step.requests, step.metadata);
    if (grpc !== undefined) return this.#grpc(grpc, request);
    throw new Error(`a step that can't be replayed: ${JSON.stringify(step)}`);
  }

  close(): void {
    this.#health.close();
    this.#streams.close();
  }

  async #grpc(method: string, request: JsonObject): Promise<Answer> {
    try {
      const response = (await (method.includes('/')
        ? this.#health.call(method.slice(method.indexOf('/') + 1), request)
        : this.#server.client.call(method, toRequest(method, request)))) as JsonObject;
      return {
        status: 'OK',
        response: method === 'ModelInfer' ? toRecordedInfer(response) : this.#inTerms(response),
      };
    } catch (error) {
      const { code, details } = error as ServiceError;
      return { status: statusName(code), message: this.#inTerms(details) };
    }
  }

  async #stream(requests: readonly JsonObject[], metadata: Step['metadata']): Promise<Answer> {
    const sent = requests.map((request) => toRequest('ModelInfer', request));
    const { code, details, answers } = await this.#streams.exchange(sent, metadata);
    const responses = answers.map(({ error, response }) => ({
      ...(error !== '' && { error_message: error }),
      infer_response: toRecordedInfer(response as JsonObject),
    }));
    return this.#inTerms({ status: code, responses, ...(code !== 'OK' && { message: details }) });
  }

  #inTerms<T extends Json | Answer>(value: T): T {
    const path = JSON.stringify(this.#repository).slice(1, -1);
    return JSON.parse(JSON.stringify(value).replaceAll(path, '<REPO>')) as T;
  }
}

/** Turns base64 of proto3 JSON into bytes where the message has bytes. */
function toRequest(method: string, request: JsonObject): JsonObject {
  const copy = structuredClone(request);
  if (method === 'ModelInfer') {
    if (copy.raw_input_contents) copy.raw_input_contents = (copy.raw_input_contents as Json[]).map(bytes);
    for (const { contents } of (copy.inputs ?? []) as JsonObject[]) {
      if (isObject(contents) && contents.bytes_contents) {
        contents.bytes_contents = (contents.bytes_contents as Json[]).map(bytes);
      }
    }
  } else if (method === 'RepositoryModelLoad') {
    for (const parameter of Object.values((copy.parameters ?? {}) as Record<string, JsonObject>)) {
      if (parameter.bytes_param !== undefined) parameter.bytes_param = bytes(parameter.bytes_param);
    }
  }
  return copy;
}

const bytes = (text: Json): Json => Buffer.from(String(text), 'base64') as unknown as Json;
