import { tmpdir } from 'node:os';
import { inputErrors, modelErrors } from '#naiad/errors/catalogue.js';
import type { InferRequest } from '#naiad/inference/request.js';
import { NO_PARAMETERS } from '#naiad/inference/request.js';
import type { EmitResponse, InferResponse } from '#naiad/inference/response.js';
import type { LoadOptions } from '#naiad/lifecycle/control.js';
import type { HistoryEntry } from '#naiad/lifecycle/history.js';
import type { ModelConfig } from '#naiad/model-config/message.js';
import type { LogSettingValue } from '#naiad/service/log-settings.js';
import type { InferenceService } from '#naiad/service/service.js';
import type { SharedMemoryControl } from '#naiad/service/shared-memory-control.js';
import { sharedMemoryControl } from '#naiad/service/shared-memory-control.js';
import type { DurationStatistic, IndexEntry, ModelMetadata, ModelStatistics } from '#naiad/service/views.js';
import { SharedMemoryRegions } from '#naiad/shm/regions.js';
import type { TraceChanges } from '#naiad/telemetry/trace/trace-setting.js';
import { type Datatype, isDatatype } from '#naiad/tensor/datatype.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';

/** Every field of a configuration that a test may want to see again, at its default. */
export function aModelConfig(overrides: Partial<ModelConfig> = {}): ModelConfig {
  return {
    name: 'echo',
    platform: '',
    backend: 'memory',
    runtime: '',
    max_batch_size: 0,
    input: [],
    output: [],
    batch_input: [],
    batch_output: [],
    instance_group: [],
    default_model_filename: '',
    cc_model_filenames: {},
    metric_tags: {},
    parameters: {},
    model_warmup: [],
    ...overrides,
  };
}

const duration = (count: number, ns: number): DurationStatistic => ({ count, ns });

/** A service without models of its own: every ready model echoes its inputs as OUTPUT0, OUTPUT1, ... */
export class MemoryService implements InferenceService {
  sharedMemory: SharedMemoryControl = sharedMemoryControl(new SharedMemoryRegions({ folder: tmpdir() }));
  ready = true;
  live = true;
  /** Whether each known model is ready. */
  readonly models = new Map<string, boolean>([['echo', true]]);
  /** Models whose answers on a stream may overtake those of others. */
  readonly decoupled = new Set<string>();
  readonly requests: InferRequest[] = [];
  readonly loads: { readonly name: string; readonly options: LoadOptions }[] = [];
  readonly unloads: { readonly name: string; readonly dependents: boolean }[] = [];
  readonly histories = new Map<string, readonly HistoryEntry[]>();
  /** What loads and unloads wait for; rejects to make them fail. */
  controlled: () => Promise<void> = async () => {};
  config: ModelConfig = aModelConfig();
  readonly #listeners = new Set<() => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Turns a model's readiness, or the server's for '', and tells the listeners. */
  setReady(model: string, ready: boolean): void {
    if (model === '') this.ready = ready;
    else this.models.set(model, ready);
    for (const listener of this.#listeners) listener();
  }

  isLive(): boolean {
    return this.live;
  }

  isReady(): boolean {
    return this.ready;
  }

  isModelReady(name: string, version: string): boolean {
    if (version !== '' && !/^\d+$/.test(version)) throw modelErrors.versionNotInteger(version);
    return this.models.get(name) === true;
  }

  isModelKnown(name: string): boolean {
    return this.models.has(name);
  }

  serverMetadata() {
    return { name: 'triton', version: '1.2.3', extensions: ['statistics', 'parameters'] };
  }

  modelMetadata(name: string): ModelMetadata {
    this.#find(name);
    return {
      name,
      versions: ['1', '3'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [-1, 3, 224] }],
      outputs: [{ name: 'OUTPUT0', datatype: 'BYTES', shape: [] }],
    };
  }

  modelConfig(name: string): ModelConfig {
    this.#find(name);
    return this.config;
  }

  isDecoupled(name: string): boolean {
    return this.decoupled.has(name);
  }

  modelStatistics(name: string): ModelStatistics[] {
    if (name !== '' && !this.models.has(name)) throw modelErrors.statisticsUnavailable(name);
    return [
      {
        name: 'echo',
        version: '1',
        lastInference: 1_700_000_000_123,
        inferenceCount: 7,
        executionCount: 3,
        success: duration(5, 2 ** 52),
        fail: duration(1, 11),
        queue: duration(5, 12),
        computeInput: duration(5, 13),
        computeInfer: duration(5, 14),
        computeOutput: duration(5, 15),
        cacheHit: duration(0, 0),
        cacheMiss: duration(2, 16),
        batches: [
          {
            batchSize: 4,
            computeInput: duration(1, 21),
            computeInfer: duration(1, 22),
            computeOutput: duration(1, 23),
          },
        ],
        responses: [],
      },
    ];
  }

  async repositoryIndex(_repository: string, readyOnly: boolean): Promise<IndexEntry[]> {
    const entries = [...this.models].map(
      ([name, ready]): IndexEntry => ({
        name,
        version: '1',
        state: ready ? 'READY' : 'UNAVAILABLE',
        reason: ready ? '' : 'unloaded',
      }),
    );
    return readyOnly ? entries.filter(({ state }) => state === 'READY') : entries;
  }

  async loadModel(name: string, options: LoadOptions): Promise<void> {
    this.loads.push({ name, options });
    await this.controlled();
    this.setReady(name, true);
  }

  async unloadModel(name: string, { dependents }: { readonly dependents: boolean }): Promise<void> {
    this.unloads.push({ name, dependents });
    await this.controlled();
    this.setReady(name, false);
  }

  modelHistory(name: string): readonly HistoryEntry[] {
    return this.histories.get(name) ?? [];
  }

  async infer(request: InferRequest): Promise<InferResponse> {
    this.requests.push(request);
    this.#find(request.modelName);
    const { parameters, payload, outputs } = request.problems;
    const problem = parameters ?? payload ?? outputs;
    if (problem !== null) throw problem;
    return {
      modelName: request.modelName,
      modelVersion: '1',
      id: request.id,
      parameters: NO_PARAMETERS,
      outputs: request.inputs.map(({ name, datatype, shape, data }, index): NamedTensor => {
        if (!isDatatype(datatype)) {
          throw inputErrors.datatype('', request.modelName, name, '<invalid>', 'FP32' satisfies Datatype);
        }
        if (shape.some((dim) => dim < 0)) {
          throw inputErrors.unspecifiedDim('', request.modelName, name, shape.join());
        }
        return { name: `OUTPUT${index}`, datatype, shape, data };
      }),
    };
  }

  async inferStream(request: InferRequest, emit: EmitResponse): Promise<void> {
    await emit({ response: await this.infer(request), isFinal: true });
  }

  traceSettings(_model: string, _changes: TraceChanges): ReadonlyMap<string, readonly string[]> {
    return new Map([['trace_level', ['OFF']]]);
  }

  logSettings(_changes: ReadonlyMap<string, LogSettingValue | null>): ReadonlyMap<string, LogSettingValue> {
    return new Map<string, LogSettingValue>([['log_info', true]]);
  }

  onReadinessChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #find(name: string): void {
    if (!this.models.has(name)) throw modelErrors.unknown(name);
    if (this.models.get(name) !== true) throw modelErrors.noAvailableVersions(name);
  }
}
