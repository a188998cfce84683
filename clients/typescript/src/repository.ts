import type { Caller, CallOptions } from './caller.js';
import type { ModelRepositoryParameter } from './generated/inference/ModelRepositoryParameter.js';
import type { _inference_RepositoryIndexResponse_ModelIndex__Output } from './generated/inference/RepositoryIndexResponse.js';
import { inferenceMethods } from './protocol.js';

/** One version of a model, or a model that was never loaded. */
export type RepositoryEntry = _inference_RepositoryIndexResponse_ModelIndex__Output;

/** What stands in for what lies in the repository. */
export interface LoadOptions extends CallOptions {
  /** ModelConfig with the names of its .proto file, as an object or as JSON. */
  readonly config?: object | string;
  /** Files by their paths in the model's folder, e.g. `1/model.onnx`; they stand in for all of it and need `config`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Return to what was served before; goes with neither of the others. Servers other than Naiad do not know it. */
  readonly rollback?: boolean;
}

export interface UnloadOptions extends CallOptions {
  /** Also unload models which were loaded only because this one needs them. */
  readonly unloadDependents?: boolean;
}

/** Loads and unloads models of a server that was started with `--model-control-mode=explicit`. */
export class RepositoryControl {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** What the repository holds and in which state. */
  async index(
    options: CallOptions & { readonly readyOnly?: boolean } = {},
  ): Promise<readonly RepositoryEntry[]> {
    const request = { ready: options.readyOnly ?? false };
    return (await this.#caller.unary(inferenceMethods.RepositoryIndex, request, options)).models;
  }

  /** Resolves when the model is served. What was served before is, until then and when this fails. */
  async load(name: string, options: LoadOptions = {}): Promise<void> {
    const { config, files = {}, rollback } = options;
    const parameters: Record<string, ModelRepositoryParameter> = {};
    if (config !== undefined) {
      parameters.config = { stringParam: typeof config === 'string' ? config : JSON.stringify(config) };
    }
    for (const [path, bytes] of Object.entries(files)) {
      parameters[`file:${path}`] = {
        bytesParam: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      };
    }
    if (rollback !== undefined) parameters.rollback = { boolParam: rollback };
    const request = { modelName: name, parameters };
    await this.#caller.unary(inferenceMethods.RepositoryModelLoad, request, withoutLimit(options));
  }

  /** Resolves when the model's requests are answered and its memory is free. */
  async unload(name: string, options: UnloadOptions = {}): Promise<void> {
    const { unloadDependents } = options;
    const parameters: Record<string, ModelRepositoryParameter> =
      unloadDependents === undefined ? {} : { unload_dependents: { boolParam: unloadDependents } };
    const request = { modelName: name, parameters };
    await this.#caller.unary(inferenceMethods.RepositoryModelUnload, request, withoutLimit(options));
  }
}

/** Models may take minutes to load. */
function withoutLimit(options: CallOptions): CallOptions {
  return { ...options, timeoutMs: options.timeoutMs ?? Infinity };
}
