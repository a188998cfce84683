/** What a trace tells: when each stage was reached, and the tensors. */
export type TraceLevel = 'TIMESTAMPS' | 'TENSORS';

export const TRACE_LEVELS: readonly TraceLevel[] = ['TIMESTAMPS', 'TENSORS'];

/** `triton`: JSON in a file; `opentelemetry`: spans for a collector. */
export type TraceMode = 'triton' | 'opentelemetry';

/** What clients can change, for all models or for one. */
export interface TraceSetting {
  /** Empty = off. */
  readonly levels: readonly TraceLevel[];
  /** One of so many requests is traced. */
  readonly rate: number;
  /** Traces left to take; -1 = no end. */
  readonly count: number;
  /** Traces of one file, after which another is begun; 0 = one file. */
  readonly logFrequency: number;
}

/** Triton's defaults. */
export const DEFAULT_TRACE_SETTING: TraceSetting = { levels: [], rate: 1000, count: -1, logFrequency: 0 };

/** Where OpenTelemetry's spans go. */
export interface CollectorSettings {
  /** OTLP over HTTP, the whole URL. */
  readonly url: string;
  /** Attributes of the resource. */
  readonly resource: Readonly<Record<string, string>>;
  /** Spans that wait to be sent; further ones are dropped. */
  readonly queueSpansMax: number;
  readonly delayMs: number;
  readonly batchSpansMax: number;
}

/** `--trace-config`, complete. */
export interface TraceSettings {
  readonly mode: TraceMode;
  readonly initial: TraceSetting;
  /** Where mode triton writes; '' = nowhere. */
  readonly file: string;
  readonly collector: CollectorSettings;
}
