import type { QuantizationSpec } from '../../model-config/quantization.js';
import type { QuantizationReport } from '../../quantize/report.js';

/** A quantization that goes by the first requests, which the original answers meanwhile; shared by all that serve it. */
export class LiveState {
  /** Requests that are looked at, and samples that are kept of them at most. */
  readonly requests: number;
  readonly samplesMax: number;
  readonly #mode: string;
  #report: QuantizationReport | null = null;
  #shortfall: string;

  constructor({ mode, samplesMax }: QuantizationSpec, requests: number) {
    this.requests = requests;
    this.samplesMax = Math.min(samplesMax, requests);
    this.#mode = mode;
    this.#shortfall = `it is not quantized yet (${mode}): its first ${requests} requests are recorded for that`;
  }

  get report(): QuantizationReport | null {
    return this.#report;
  }

  /** Why the original is served. */
  get shortfall(): string {
    return this.#shortfall;
  }

  /** There are samples enough. */
  building(): void {
    this.#shortfall = `it is not quantized yet (${this.#mode}): that is done now`;
  }

  /** It came to nothing. */
  failed(reason: string, report: QuantizationReport | null): void {
    this.#shortfall = `it is not quantized (${this.#mode}): ${reason}`;
    this.#report = report;
  }
}
