import type { TracedRequest, TraceSink } from '#naiad/telemetry/trace/traced-request.js';

/** Keeps traces for the test to look at. */
export class RecordedTraces implements TraceSink {
  readonly traces: TracedRequest[] = [];

  write(traced: TracedRequest): void {
    this.traces.push(traced);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
