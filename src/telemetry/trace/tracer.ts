import { traceErrors } from '../../errors/settings-errors.js';
import type { InferRequest } from '../../inference/request.js';
import type { InferResponse } from '../../inference/response.js';
import type { Timings } from '../../inference/timings.js';
import { DEFAULT_TRACE_SETTING, type TraceMode, type TraceSetting } from '../../settings/trace-settings.js';
import { tensorText } from './tensor-text.js';
import {
  changeTrace,
  type TraceChanges,
  type TraceOverride,
  traceObstacle,
  viewTrace,
} from './trace-setting.js';
import type { TracedRequest, TracedTensor, TraceSink } from './traced-request.js';

/** Elements of one tensor that a trace shows; Triton has no bound. */
const TENSOR_ELEMENTS_MAX = 1 << 16;

/** Bytes of all inputs, or outputs, of a request of which a trace shows elements. */
const TENSORS_BYTES_MAX = 8 << 20;

/** Models with settings of their own. */
const OVERRIDES_MAX = 4096;

/** A request that will be traced. */
export interface TraceTicket {
  readonly id: number;
  readonly setting: TraceSetting;
  /** Empty unless tensors are traced. */
  readonly inputs: readonly TracedTensor[];
}

export interface TracerOptions {
  readonly mode: TraceMode;
  /** Where mode triton writes; '' = nowhere. */
  readonly file: string;
  readonly initial?: TraceOverride;
  readonly sink: TraceSink;
  /** Told when the setting that names the traces of one file changes. */
  onLogFrequency?(traces: number): void;
}

/** How a request went that has a ticket. */
export interface TraceOutcome {
  readonly modelName: string;
  readonly modelVersion: number;
  readonly timings: Timings;
  readonly endNs: number;
  /** null when it failed. */
  readonly response: InferResponse | null;
  /** '' when it was answered. */
  readonly error: string;
}

/** What counts requests of all models that have the same setting. */
interface Scope {
  override: TraceOverride;
  seen: number;
}

/** Decides which requests are traced, by settings that clients change, and tells them to a sink. */
export class Tracer {
  readonly #options: TracerOptions;
  readonly #global: Scope;
  readonly #models = new Map<string, Scope>();
  #ids = 0;
  /** Whether any model may be traced at all: all that most requests ask. */
  #isOn = false;

  constructor(options: TracerOptions) {
    this.#options = options;
    this.#global = { override: { ...DEFAULT_TRACE_SETTING, ...options.initial }, seen: 0 };
    this.#changed();
  }

  /** Settings in force, of all models when `model` is ''. */
  view(model: string): ReadonlyMap<string, readonly string[]> {
    return viewTrace(this.#settingOf(this.#models.get(model)), this.#options.mode, this.#options.file);
  }

  /**
   * Changes the settings of all models, or, when `model` is not '', its own. Throws ServingError, nothing
   * being changed then.
   */
  change(model: string, changes: TraceChanges): void {
    const scope = model === '' ? this.#global : (this.#models.get(model) ?? { override: {}, seen: 0 });
    const cleared = model === '' ? DEFAULT_TRACE_SETTING : {};
    const override = { ...cleared, ...changeTrace(scope.override, changes) };
    const setting = { ...this.#settingOf(null), ...override };
    const obstacle = traceObstacle(setting, this.#options.mode, this.#options.file);
    if (obstacle !== null) throw traceErrors.obstacle(obstacle);
    if (model === '') {
      scope.override = override;
      scope.seen = 0;
    } else if (Object.keys(override).length === 0) {
      this.#models.delete(model);
    } else {
      if (!this.#models.has(model) && this.#models.size >= OVERRIDES_MAX) throw traceErrors.tooManyModels();
      this.#models.set(model, { override, seen: 0 });
    }
    this.#changed();
  }

  /**
   * Whether this request is one that is traced; asked once for each request whose model is known, before
   * the bytes of its inputs may be handed to another thread.
   */
  sample(request: InferRequest, model: string): TraceTicket | null {
    if (!this.#isOn) return null;
    const scope = this.#models.get(model) ?? this.#global;
    const setting = this.#settingOf(scope);
    if (setting.levels.length === 0) return null;
    const isWanted = this.#options.mode === 'opentelemetry' && request.traceContext?.isSampled === true;
    if (!isWanted) {
      if (setting.count === 0 || ++scope.seen % setting.rate !== 0) return null;
      this.#countDown(scope, setting);
    }
    this.#ids++;
    const inputs = setting.levels.includes('TENSORS') ? describe(request.inputs) : [];
    return { id: this.#ids, setting, inputs };
  }

  /** The request is over, and the bytes of its outputs are there still, unless they were streamed. */
  finish({ id, setting, inputs }: TraceTicket, request: InferRequest, outcome: TraceOutcome): void {
    const { levels } = setting;
    const tensors = levels.includes('TENSORS') ? (outcome.response?.outputs ?? []) : [];
    const traced = (sentNs: number): TracedRequest => ({ ...settled, sentNs });
    const settled: Omit<TracedRequest, 'sentNs'> = {
      id,
      levels,
      protocol: request.protocol,
      modelName: outcome.modelName,
      modelVersion: outcome.modelVersion,
      requestId: request.id,
      context: request.traceContext ?? null,
      timings: outcome.timings,
      endNs: outcome.endNs,
      inputs,
      outputs: describe(tensors),
      error: outcome.error,
    };
    if (request.whenSent === undefined) this.#options.sink.write(traced(0));
    else request.whenSent((ns) => this.#options.sink.write(traced(ns)));
  }

  /** Resolves when all traces have arrived, or were given up. */
  close(): Promise<void> {
    return this.#options.sink.close();
  }

  #settingOf(scope: Scope | null | undefined): TraceSetting {
    return { ...DEFAULT_TRACE_SETTING, ...this.#global.override, ...scope?.override };
  }

  /** One trace less in the scope that has the count. */
  #countDown(scope: Scope, { count }: TraceSetting): void {
    if (count < 0) return;
    const owner = scope.override.count === undefined ? this.#global : scope;
    owner.override = { ...owner.override, count: count - 1 };
  }

  #changed(): void {
    const scopes = [this.#global, ...this.#models.values()];
    this.#isOn = scopes.some((scope) => this.#settingOf(scope).levels.length > 0);
    this.#options.onLogFrequency?.(this.#settingOf(null).logFrequency);
  }
}

interface Described {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

function describe(tensors: readonly Described[]): readonly TracedTensor[] {
  let bytesLeft = TENSORS_BYTES_MAX;
  return tensors.map(({ name, datatype, shape, data }) => {
    const shown = { elementsMax: TENSOR_ELEMENTS_MAX, bytesMax: bytesLeft };
    bytesLeft -= Math.min(bytesLeft, data.byteLength);
    return { name, datatype, shape, data: tensorText(datatype, data, shown) };
  });
}
