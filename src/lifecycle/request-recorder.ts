import type { ModelDescription, RunInputs, RunOutputs } from '../backend/backend.js';
import { LIMITS } from '../settings/limits.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { Executor } from '../worker/executor.js';

/** One batch as an instance got it. */
export type RecordedSample = readonly NamedTensor[];

export interface RecorderOptions {
  /** Requests that are looked at: rows, of models that batch. */
  readonly requests: number;
  /** Samples that are kept at most; requests between them are passed over evenly. */
  readonly samplesMax: number;
  readonly batches: boolean;
  readonly bytesMax?: number;
  /** Called once, when enough has been seen. */
  readonly onDone: (samples: readonly RecordedSample[]) => void;
}

/** Keeps copies of what a model is asked at first, in bounded memory. */
export class RequestRecorder {
  readonly #options: RecorderOptions;
  readonly #samples: RecordedSample[] = [];
  #seen = 0;
  #bytes = 0;
  #done = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  get done(): boolean {
    return this.#done;
  }

  /** A copy of a batch if it is to be kept, to be given to {@link keep} when it could be answered. */
  copy(inputs: readonly NamedTensor[]): RecordedSample | null {
    const { requests, samplesMax } = this.#options;
    const due = (this.#samples.length * requests) / samplesMax;
    if (this.#done || this.#seen < due) return null;
    return inputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape: [...shape],
      data: new Uint8Array(data),
    }));
  }

  /** A batch was answered; `sample` is what was kept of it. */
  keep(inputs: readonly NamedTensor[], sample: RecordedSample | null): void {
    if (this.#done) return;
    const { requests, samplesMax, batches, bytesMax = LIMITS.recordedBytesMax } = this.#options;
    this.#seen += batches ? (inputs[0]?.shape[0] ?? 1) : 1;
    if (sample !== null) {
      const bytes = sample.reduce((sum, { data }) => sum + data.byteLength, 0);
      this.#bytes += bytes;
      if (this.#bytes <= bytesMax) this.#samples.push(sample);
    }
    if (this.#seen >= requests || this.#samples.length >= samplesMax || this.#bytes > bytesMax)
      this.#finish();
  }

  #finish(): void {
    this.#done = true;
    this.#options.onDone(this.#samples.splice(0));
  }
}

/** An instance whose batches are shown to a recorder. */
export class RecordingExecutor implements Executor {
  readonly #executor: Executor;
  readonly #recorder: RequestRecorder;

  constructor(executor: Executor, recorder: RequestRecorder) {
    this.#executor = executor;
    this.#recorder = recorder;
  }

  get name(): string {
    return this.#executor.name;
  }

  get description(): ModelDescription | null {
    return this.#executor.description;
  }

  get available(): boolean {
    return this.#executor.available;
  }

  onAvailability(listener: () => void): () => void {
    return this.#executor.onAvailability(listener);
  }

  async run(batch: RunInputs): Promise<RunOutputs> {
    if (this.#recorder.done) return this.#executor.run(batch);
    // Before it runs, which may take the buffers away.
    const sample = this.#recorder.copy(batch.inputs);
    const outputs = await this.#executor.run(batch);
    this.#recorder.keep(batch.inputs, sample);
    return outputs;
  }

  unload(): Promise<void> {
    return this.#executor.unload();
  }
}
