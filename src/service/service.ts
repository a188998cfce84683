import type { InferRequest } from '../inference/request.js';
import type { InferResponse } from '../inference/response.js';
import type { ModelConfig } from '../model-config/message.js';
import type { IndexEntry, ModelMetadata, ModelStatistics, ServerMetadata } from './views.js';

/**
 * Everything that can be asked of this server, whatever the protocol. All methods throw ServingError
 * for what the client can mend; a `version` of '' means the latest one that is ready.
 */
export interface InferenceService {
  isLive(): boolean;
  isReady(): boolean;
  /** False for models that are unknown or not loaded; throws for a malformed version. */
  isModelReady(name: string, version: string): boolean;
  /** Whether there is anything to say about a model, ready or not. */
  isModelKnown(name: string): boolean;
  serverMetadata(): ServerMetadata;
  modelMetadata(name: string, version: string): ModelMetadata;
  modelConfig(name: string, version: string): ModelConfig;
  /** An empty name asks for all models that are ready. */
  modelStatistics(name: string, version: string): ModelStatistics[];
  repositoryIndex(repositoryName: string, readyOnly: boolean): IndexEntry[];
  infer(request: InferRequest): Promise<InferResponse>;
  /** Calls `listener` after every change of readiness, of the server or of a model. */
  onReadinessChange(listener: () => void): () => void;
}
