import { type Context, type HrTime, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { type Clock, sleep } from '../../lib/clock.js';
import type { CollectorSettings } from '../../settings/trace-settings.js';
import type { Log } from '../log.js';
import { stagesOf, type TracedRequest, type TraceSink, type TraceStage } from './traced-request.js';

/** Stages that Triton's span of the computation has; the others belong to the model's or the request's. */
const COMPUTE_STAGES = ['COMPUTE_START', 'COMPUTE_INPUT_END', 'COMPUTE_OUTPUT_START', 'COMPUTE_END'];
const MODEL_STAGES = ['REQUEST_START', 'QUEUE_START', 'REQUEST_END'];

/** How long a stop waits for the collector. */
const CLOSE_MS = 2000;

/**
 * Traces as spans of OpenTelemetry, sent by OTLP over HTTP: `InferRequest`, in it a span with the model's
 * name, in that one `compute`; events are the stages. A request that came with a W3C context becomes part
 * of its client's trace.
 */
export class OtlpSink implements TraceSink {
  readonly #provider: TracerProvider;
  readonly #clock: Clock;
  readonly #propagator = new W3CTraceContextPropagator();

  constructor(settings: CollectorSettings, clock: Clock, log: Log) {
    this.#clock = clock;
    this.#provider = new TracerProvider({
      // Which requests are traced is decided before.
      sampler: new AlwaysOnSampler(),
      resource: resourceFromAttributes({ ...settings.resource }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: telling(new OTLPTraceExporter({ url: settings.url }), settings.url, log),
          maxQueueSize: settings.queueSpansMax,
          maxExportBatchSize: Math.min(settings.batchSpansMax, settings.queueSpansMax),
          scheduledDelayMillis: settings.delayMs,
        }),
      ],
    });
  }

  write(traced: TracedRequest): void {
    const tracer = this.#provider.getTracer('triton-server');
    const time = this.#wallTime();
    const stages = stagesOf(traced);
    const startNs = traced.timings.received;
    const parent = this.#parentOf(traced);
    const open = (
      name: string,
      start: number,
      kind: SpanKind,
      context: Context,
      of: readonly TraceStage[],
    ) => {
      const span = tracer.startSpan(name, { startTime: time(start), kind }, context);
      for (const stage of of) span.addEvent(stage.name, time(stage.ns));
      return { span, context: trace.setSpan(context, span) };
    };
    const rest = stages.filter(({ name }) => !COMPUTE_STAGES.includes(name) && !MODEL_STAGES.includes(name));
    const request = open('InferRequest', startNs, SpanKind.SERVER, parent, rest);
    const ofModel = stages.filter(({ name }) => MODEL_STAGES.includes(name));
    const model = open(traced.modelName, startNs, SpanKind.INTERNAL, request.context, ofModel);
    model.span.setAttributes({
      'triton.model_name': traced.modelName,
      'triton.model_version': traced.modelVersion,
      'triton.trace_id': traced.id,
      'triton.trace_parent_id': 0,
      'triton.request_id': traced.requestId,
    });
    for (const { name, shape, datatype, data } of [...traced.inputs, ...traced.outputs]) {
      model.span.addEvent('tensor', { name, shape: shape.join(','), dtype: datatype, data }, time(startNs));
    }
    const { computeStart, computeEnd } = traced.timings;
    if (computeStart > 0 && computeEnd > 0) {
      const ofCompute = stages.filter(({ name }) => COMPUTE_STAGES.includes(name));
      open('compute', computeStart, SpanKind.INTERNAL, model.context, ofCompute).span.end(time(computeEnd));
    }
    if (traced.error !== '') {
      for (const { span } of [model, request]) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: traced.error });
      }
    }
    model.span.end(time(traced.endNs));
    request.span.end(time(Math.max(traced.endNs, traced.sentNs)));
  }

  async close(): Promise<void> {
    // It sends what waits, and would wait for a collector that takes it and never answers.
    const sent = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([sent, sleep(this.#clock, CLOSE_MS * 1e6)]);
  }

  #parentOf({ context }: TracedRequest): Context {
    if (context === null) return ROOT_CONTEXT;
    const headers: Record<string, string> = { traceparent: context.traceparent };
    if (context.tracestate !== '') headers.tracestate = context.tracestate;
    return this.#propagator.extract(ROOT_CONTEXT, headers, {
      keys: (carrier) => Object.keys(carrier),
      get: (carrier, key) => carrier[key],
    });
  }

  /** Turns monotonic nanoseconds into seconds and nanoseconds of the day's time. */
  #wallTime(): (ns: number) => HrTime {
    const offsetMs = this.#clock.wallMs() - this.#clock.nowNs() / 1e6;
    return (ns) => {
      const ms = offsetMs + ns / 1e6;
      const seconds = Math.floor(ms / 1000);
      return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
    };
  }
}

/** The exporter, whose failures OpenTelemetry keeps to itself: the first of each series is told. */
function telling(exporter: SpanExporter, url: string, log: Log): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const hasFailed = result.code !== ExportResultCode.SUCCESS;
        if (hasFailed && !isFailing) {
          log.warn({ err: result.error, url: withoutSecrets(url) }, 'traces did not reach their collector');
        }
        isFailing = hasFailed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
