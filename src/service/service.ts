import type { InferRequest } from '../inference/request.js';
import type { EmitResponse, InferResponse } from '../inference/response.js';
import type { LoadOptions } from '../lifecycle/control.js';
import type { HistoryEntry } from '../lifecycle/history.js';
import type { ModelConfig } from '../model-config/message.js';
import type { TraceChanges } from '../telemetry/trace/trace-setting.js';
import type { LogSettingValue } from './log-settings.js';
import type { SharedMemoryControl } from './shared-memory-control.js';
import type { IndexEntry, ModelMetadata, ModelStatistics, ServerMetadata } from './views.js';

/**
 * Everything that can be asked of this server, whatever the protocol. All methods throw ServingError
 * for what the client can mend; a `version` of '' means the latest one that is ready.
 */
export interface InferenceService {
  readonly sharedMemory: SharedMemoryControl;
  isLive(): boolean;
  isReady(): boolean;
  /** False for models that are unknown or not loaded; throws for a malformed version. */
  isModelReady(name: string, version: string): boolean;
  /** Whether there is anything to say about a model, ready or not. */
  isModelKnown(name: string): boolean;
  serverMetadata(): ServerMetadata;
  modelMetadata(name: string, version: string): ModelMetadata;
  modelConfig(name: string, version: string): ModelConfig;
  /** Whether a model answers a request any number of times; false for models that are not served. */
  isDecoupled(name: string, version: string): boolean;
  /** An empty name asks for all models that are ready. */
  modelStatistics(name: string, version: string): ModelStatistics[];
  /** By name, then version; models that lie in a repository and were never loaded have an entry, too. */
  repositoryIndex(repositoryName: string, readyOnly: boolean): Promise<readonly IndexEntry[]>;
  /** Resolves when every version that is to be served is. */
  loadModel(name: string, options: LoadOptions): Promise<void>;
  /** Resolves when nothing of the model is loaded any more. */
  unloadModel(name: string, options: { readonly dependents: boolean }): Promise<void>;
  /** What happened to a model, oldest first; empty for unknown ones. */
  modelHistory(name: string): readonly HistoryEntry[];
  /** One answer; throws UNIMPLEMENTED for decoupled models. */
  infer(request: InferRequest): Promise<InferResponse>;
  /**
   * Any number of answers, the last one final; resolves when `emit` has taken that one. Rejects with
   * ServingError, then no further answer comes.
   */
  inferStream(request: InferRequest, emit: EmitResponse): Promise<void>;
  /** Applies `changes`, none being a question, and answers with all settings of the log in force. */
  logSettings(changes: ReadonlyMap<string, LogSettingValue | null>): ReadonlyMap<string, LogSettingValue>;
  /**
   * Applies `changes`, none being a question, to the traces of all models, or of one when `model` is not
   * ''; answers with the settings in force.
   */
  traceSettings(model: string, changes: TraceChanges): ReadonlyMap<string, readonly string[]>;
  /** Calls `listener` after every change of readiness, of the server or of a model. */
  onReadinessChange(listener: () => void): () => void;
}
