import type { BackendTraits } from '../model-config/backend-traits.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import type { QuantizationReport } from '../quantize/report.js';
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
  /** What came of quantizing it. */
  readonly quantization?: {
    /** null when it was not asked for, or did not come to a report. */
    readonly report: QuantizationReport | null;
    /** Why the original is served where a quantized model was asked for; '' otherwise. */
    readonly shortfall: string;
  };
}

/** A promise that a version stays loaded until `release`, which is idempotent. */
export interface Lease {
  readonly model: ServingModel;
  release(): void;
}
