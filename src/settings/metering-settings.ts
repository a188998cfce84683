/** What is measured for the metrics, beyond what always is. */
export interface MeteringSettings {
  /** The machine's processors and memory. */
  readonly cpu: boolean;
  /** The machine's GPUs, where something is known of them. */
  readonly gpu: boolean;
  /** How old a sample of the machine may be when it is shown. */
  readonly intervalMs: number;
  /** Triton's sums of durations. */
  readonly counterLatencies: boolean;
  /** Triton's histogram of the time to the first response. */
  readonly histogramLatencies: boolean;
  /** Triton's summaries: quantiles of the last minute. */
  readonly summaryLatencies: boolean;
  /** Quantiles of the summaries, each from 0 to 1. */
  readonly summaryQuantiles: readonly number[];
  /** This server's own histograms of each model's stages. */
  readonly stageHistograms: boolean;
}

/** What is measured where the command line says nothing. */
export const DEFAULT_METERING: MeteringSettings = {
  cpu: true,
  gpu: true,
  intervalMs: 2000,
  counterLatencies: true,
  histogramLatencies: false,
  summaryLatencies: false,
  summaryQuantiles: [0.5, 0.9, 0.95, 0.99, 0.999],
  stageHistograms: true,
};
