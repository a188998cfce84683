import type { Clock } from '../../lib/clock.js';
import type { TraceSettings } from '../../settings/trace-settings.js';
import type { Log } from '../log.js';
import { TraceFile } from './trace-file.js';
import { Tracer } from './tracer.js';

/** The tracer that settings ask for; OpenTelemetry's code is loaded only then. */
export async function createTracer(
  { mode, file, initial, collector }: TraceSettings,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): Promise<Tracer> {
  if (mode === 'opentelemetry') {
    const { OtlpSink } = await import('./otlp.js');
    return new Tracer({ mode, file, initial, sink: new OtlpSink(collector, clock, log) });
  }
  const sink = new TraceFile(file, log);
  return new Tracer({
    mode,
    file,
    initial,
    sink,
    onLogFrequency: (traces) => {
      sink.frequency = traces;
    },
  });
}
