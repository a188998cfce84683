import { modelErrors, serverErrors } from '../errors/catalogue.js';
import { REASONS } from '../errors/reasons.js';
import { type ServingError, type StatusCode, toServingError, withCode } from '../errors/serving-error.js';
import { traceErrors } from '../errors/settings-errors.js';
import type { InferRequest, Protocol } from '../inference/request.js';
import type { EmitResponse, InferResponse } from '../inference/response.js';
import { type Catalog, isServed, LATEST } from '../lifecycle/catalog.js';
import type { LoadOptions, RepositoryControl } from '../lifecycle/control.js';
import type { HistoryEntry } from '../lifecycle/history.js';
import type { Lease, ServingModel } from '../lifecycle/serving-model.js';
import { WaitingRoom } from '../lifecycle/waiting-room.js';
import type { ModelConfig } from '../model-config/message.js';
import type { StatusMode } from '../settings/settings.js';
import { type AccessRecord, logAccess } from '../telemetry/access-log.js';
import type { AdjustableLog } from '../telemetry/log.js';
import type { TraceChanges } from '../telemetry/trace/trace-setting.js';
import type { Tracer, TraceTicket } from '../telemetry/trace/tracer.js';
import { type InferContext, type InferTrace, infer, inferStream, newTrace } from './infer.js';
import { changeLogSettings, type LogSettingValue, logSettings } from './log-settings.js';
import { toModelMetadata, toModelStatistics } from './present.js';
import { toModelConfig } from './quantization-report.js';
import { checkLoad, checkUnload } from './repository-control.js';
import { repositoryIndex } from './repository-index.js';
import type { InferenceService } from './service.js';
import { type SharedMemoryControl, sharedMemoryControl } from './shared-memory-control.js';
import { parseVersion } from './version.js';
import type { IndexEntry, ModelMetadata, ModelStatistics, ServerMetadata } from './views.js';

/** Extensions of the v2 protocol that this server speaks, Triton's names. */
const EXTENSIONS = [
  'classification',
  'logging',
  'schedule_policy',
  'model_configuration',
  'system_shared_memory',
  'cuda_shared_memory',
  'binary_tensor_data',
  'model_repository',
  'model_repository(unload_dependents)',
  'parameters',
  'statistics',
  'trace',
] as const;

export interface ServiceOptions extends InferContext {
  readonly catalog: Catalog;
  readonly control: RepositoryControl;
  readonly log: AdjustableLog;
  readonly tracer: Tracer;
  readonly id: string;
  /** Version of this server. */
  readonly version: string;
  readonly strictReadiness: boolean;
  readonly statusMode: StatusMode;
  readonly accessLog: boolean;
  /** Told why, of each inference request that is refused before it has a model version. */
  readonly onRefused?: (reason: string) => void;
}

/** A client that waits for each answer before it asks again leaves pauses of this length at most. */
const BUSY_NS = 250e6;

/** From accepting nothing yet, over serving, to accepting nothing any more. */
type Phase = 'starting' | 'serving' | 'exiting';

/** The one {@link InferenceService}: answers from the catalog, walks requests through their models. */
export class ServingService implements InferenceService {
  readonly sharedMemory: SharedMemoryControl;
  readonly #options: ServiceOptions;
  readonly #listeners = new Set<() => void>();
  readonly #idle: (() => void)[] = [];
  readonly #waitingRoom: WaitingRoom;
  #phase: Phase = 'starting';
  #inFlight = 0;
  #idleSinceNs = Number.NEGATIVE_INFINITY;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.sharedMemory = sharedMemoryControl(options.sharedMemory);
    this.#waitingRoom = new WaitingRoom(options.catalog, options.clock);
    options.catalog.onChange(() => this.#changed());
  }

  /** Models are loaded: readiness now depends on them. */
  started(): void {
    this.#phase = 'serving';
    this.#changed();
  }

  /** Refuses new inference requests and resolves when the accepted ones are answered. */
  async drain(): Promise<void> {
    this.#phase = 'exiting';
    this.#changed();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Inference requests that are being answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether inference requests are being answered, or were a moment ago. */
  get isBusy(): boolean {
    return this.#inFlight > 0 || this.#options.clock.nowNs() - this.#idleSinceNs < BUSY_NS;
  }

  isLive(): boolean {
    return true;
  }

  isReady(): boolean {
    const { strictReadiness, catalog } = this.#options;
    return this.#phase === 'serving' && (!strictReadiness || catalog.allReady());
  }

  isModelReady(name: string, version: string): boolean {
    const number = parseVersion(version);
    if (this.#phase !== 'serving') return false;
    return this.#options.catalog
      .versions(name)
      .some((entry) => isServed(entry) && (number === LATEST || entry.version === number));
  }

  isModelKnown(name: string): boolean {
    const { catalog } = this.#options;
    return catalog.reason(name) !== '' || catalog.versions(name).length > 0;
  }

  serverMetadata(): ServerMetadata {
    return { name: this.#options.id, version: this.#options.version, extensions: EXTENSIONS };
  }

  modelMetadata(name: string, version: string): ModelMetadata {
    const number = parseVersion(version);
    const model = this.#options.catalog.find(name, number);
    const ready = this.#options.catalog.versions(name).filter(({ state }) => state === 'READY');
    return toModelMetadata(model, number === LATEST ? ready.map((entry) => entry.version) : [number]);
  }

  modelConfig(name: string, version: string): ModelConfig {
    return toModelConfig(this.#options.catalog.find(name, parseVersion(version)));
  }

  isDecoupled(name: string, version: string): boolean {
    try {
      return this.#options.catalog.find(name, parseVersion(version)).spec.decoupled;
    } catch {
      return false;
    }
  }

  modelStatistics(name: string, version: string): ModelStatistics[] {
    const number = parseVersion(version);
    const models: ServingModel[] = [];
    for (const model of this.#options.catalog.serving()) {
      if (name !== '' && model.name !== name) continue;
      if (number === LATEST || name === '' || model.version === number) models.push(model);
    }
    if (name !== '' && models.length === 0) {
      const isServed = this.#options.catalog.versions(name).some(({ state }) => state === 'READY');
      throw isServed
        ? modelErrors.statisticsVersionUnavailable(name)
        : modelErrors.statisticsUnavailable(name);
    }
    return models.map(toModelStatistics);
  }

  async repositoryIndex(repositoryName: string, readyOnly: boolean): Promise<readonly IndexEntry[]> {
    if (repositoryName !== '') throw serverErrors.repositoryNameUnsupported();
    return repositoryIndex(this.#options, readyOnly);
  }

  async loadModel(name: string, options: LoadOptions): Promise<void> {
    this.#checkServing();
    checkLoad(this.#options.control.mode, name, options);
    await this.#options.control.load(name, options);
  }

  async unloadModel(name: string, options: { readonly dependents: boolean }): Promise<void> {
    this.#checkServing();
    checkUnload(this.#options.control.mode);
    await this.#options.control.unload(name, options);
  }

  modelHistory(name: string): readonly HistoryEntry[] {
    return this.#options.control.history(name);
  }

  infer(request: InferRequest): Promise<InferResponse> {
    return this.#admit(request, async (lease, trace) => {
      if (lease.model.spec.decoupled) throw decoupledError(request.protocol);
      return infer(this.#options, lease.model, request, trace);
    });
  }

  inferStream(request: InferRequest, emit: EmitResponse): Promise<void> {
    return this.#admit(request, async (lease, trace) => {
      const { spec, traits } = lease.model;
      if (spec.decoupled && traits.streams) {
        return inferStream(this.#options, lease.model, request, trace, emit);
      }
      const response = await infer(this.#options, lease.model, request, trace);
      await emit({ response, isFinal: true });
    });
  }

  /** Takes a request in, holds its version while `walk` answers it, and lets go of both. */
  async #admit<T>(request: InferRequest, walk: (lease: Lease, trace: InferTrace) => Promise<T>): Promise<T> {
    const trace = newTrace(request);
    let lease: Lease | null = null;
    let ticket: TraceTicket | null = null;
    let failure: ServingError | null = null;
    this.#inFlight++;
    try {
      this.#checkServing();
      const version = parseVersion(request.modelVersion);
      while (this.#waitingRoom.isHeld(request.modelName, version)) {
        await this.#waitingRoom.wait(request, version);
      }
      lease = this.#options.catalog.lease(request.modelName, version);
      ticket = this.#options.tracer.sample(request, lease.model.name);
      return await walk(lease, trace);
    } catch (error) {
      failure =
        this.#options.statusMode === 'grpc' ? inGrpcMode(toServingError(error)) : toServingError(error);
      if (lease === null) this.#options.onRefused?.(failure.reason);
      else lease.model.statistics.meter?.refused(failure.reason);
      throw failure;
    } finally {
      lease?.release();
      if (--this.#inFlight === 0) this.#becomeIdle();
      if (ticket !== null && lease !== null) this.#trace(ticket, request, lease, trace, failure);
      if (this.#options.accessLog) this.#logAccess(request, lease, trace, failure?.code ?? 'OK');
    }
  }

  logSettings(changes: ReadonlyMap<string, LogSettingValue | null>): ReadonlyMap<string, LogSettingValue> {
    changeLogSettings(this.#options.log, changes);
    return logSettings(this.#options.log);
  }

  traceSettings(model: string, changes: TraceChanges): ReadonlyMap<string, readonly string[]> {
    if (model !== '' && !this.isModelKnown(model)) throw traceErrors.unknownModel(model);
    const { tracer } = this.#options;
    if (changes.size > 0) tracer.change(model, changes);
    return tracer.view(model);
  }

  onReadinessChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #checkServing(): void {
    if (this.#phase === 'exiting') throw serverErrors.shuttingDown();
    if (this.#phase === 'starting') throw serverErrors.notReady();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #becomeIdle(): void {
    this.#idleSinceNs = this.#options.clock.nowNs();
    for (const wake of this.#idle.splice(0)) wake();
  }

  #trace(
    ticket: TraceTicket,
    request: InferRequest,
    { model }: Lease,
    { timings, response }: InferTrace,
    failure: ServingError | null,
  ): void {
    this.#options.tracer.finish(ticket, request, {
      modelName: model.name,
      modelVersion: model.version,
      timings,
      endNs: this.#options.clock.nowNs(),
      response,
      error: failure === null ? '' : failure.message || failure.code,
    });
  }

  #logAccess(
    request: InferRequest,
    lease: Lease | null,
    { timings, rows }: InferTrace,
    status: AccessRecord['status'],
  ): void {
    logAccess(this.#options.log, {
      id: request.id,
      peer: request.peer,
      model: request.modelName,
      version: lease === null ? request.modelVersion : String(lease.model.version),
      rows,
      timings,
      endNs: this.#options.clock.nowNs(),
      status,
    });
  }
}

function decoupledError(protocol: Protocol): ServingError {
  return protocol === 'grpc' ? modelErrors.decoupled() : modelErrors.decoupledOverHttp();
}

/** The statuses that gRPC means for what Triton calls UNAVAILABLE. */
const GRPC_CODES: Readonly<Record<string, StatusCode>> = {
  [REASONS.queueFull]: 'RESOURCE_EXHAUSTED',
  [REASONS.queueTimeout]: 'DEADLINE_EXCEEDED',
};

function inGrpcMode(error: ServingError): ServingError {
  const code = GRPC_CODES[error.reason];
  return code === undefined ? error : withCode(error, code);
}
