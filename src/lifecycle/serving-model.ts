import type { BackendTraits } from '../model-config/backend-traits.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { StatisticsRecorder } from '../telemetry/statistics.js';
import type { Executor } from '../worker/executor.js';

/** A model version that can answer: its compiled configuration and everything that runs it. */
export interface ServingModel {
  readonly name: string;
  readonly version: number;
  readonly spec: ModelSpec;
  readonly traits: BackendTraits;
  readonly scheduler: Scheduler;
  readonly executors: readonly Executor[];
  readonly statistics: StatisticsRecorder;
}

/** A promise that a version stays loaded until `release`, which is idempotent. */
export interface Lease {
  readonly model: ServingModel;
  release(): void;
}
