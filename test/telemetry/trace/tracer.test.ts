import { beforeEach, describe, expect, it } from 'vitest';
import type { InferInput } from '#naiad/inference/request.js';
import { newTimings } from '#naiad/inference/timings.js';
import type { TraceMode } from '#naiad/settings/trace-settings.js';
import { Tracer } from '#naiad/telemetry/trace/tracer.js';
import { RecordedTraces } from '../../support/recorded-traces.js';
import { anInput, aRequest } from '../../support/requests.js';

let sink: RecordedTraces;

beforeEach(() => {
  sink = new RecordedTraces();
});

function aTracer(mode: TraceMode = 'triton', file = '/traces.json'): Tracer {
  return new Tracer({ mode, file, sink });
}

function set(tracer: Tracer, settings: Record<string, string[]>, model = ''): void {
  tracer.change(model, new Map(Object.entries(settings)));
}

/** Numbers of those of `count` requests that are traced. */
function sampled(tracer: Tracer, count: number, model = 'm'): number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter(
    () => tracer.sample(aRequest(), model) !== null,
  );
}

describe('settings', () => {
  it('are those of Triton at first', () => {
    expect(Object.fromEntries(aTracer().view(''))).toEqual({
      trace_level: ['OFF'],
      trace_rate: ['1000'],
      trace_count: ['-1'],
      trace_mode: ['triton'],
      trace_file: ['/traces.json'],
      log_frequency: ['0'],
    });
  });

  it('of a model are its own where it has them, those of all models elsewhere', () => {
    const tracer = aTracer();
    set(tracer, { trace_rate: ['3'] }, 'm');
    set(tracer, { trace_rate: ['77'], trace_count: ['8'] });
    expect(tracer.view('m').get('trace_rate')).toEqual(['3']);
    expect(tracer.view('m').get('trace_count')).toEqual(['8']);
    expect(tracer.view('other').get('trace_rate')).toEqual(['77']);
    set(tracer, { trace_rate: [] }, 'm');
    expect(tracer.view('m').get('trace_rate')).toEqual(['77']);
  });

  it('of all models go back to the defaults when they are cleared', () => {
    const tracer = aTracer();
    set(tracer, { trace_rate: ['3'], trace_level: ['TENSORS', 'TIMESTAMPS'] });
    expect(tracer.view('').get('trace_level')).toEqual(['TIMESTAMPS', 'TENSORS']);
    set(tracer, { trace_rate: [], trace_level: [] });
    expect(tracer.view('')).toEqual(aTracer().view(''));
  });

  it.each([
    [{ trace_level: ['NOPE'] }, 'trace_level', ['OFF']],
    [{ trace_level: ['timestamps'] }, 'trace_level', ['OFF']],
    [{ trace_rate: ['5x'] }, 'trace_rate', ['5']],
    [{ nope: ['x'] }, 'trace_rate', ['1000']],
    [{ trace_mode: ['opentelemetry'] }, 'trace_mode', ['triton']],
  ])('%j are read as Triton reads them', (changes, name, expected) => {
    const tracer = aTracer();
    set(tracer, changes as Record<string, string[]>);
    expect(tracer.view('').get(name)).toEqual(expected);
  });

  it.each([
    [{ trace_level: ['OFF', 'TENSORS'] }, "Expect only one trace level 'OFF' is specified"],
    [{ trace_rate: ['x'] }, "Unable to parse 'trace_rate', got: x"],
    [{ trace_rate: ['1', '2'] }, "expect only 1 value for 'trace_rate'"],
    [
      { trace_count: ['-2'] },
      "Unable to parse 'trace_count', value is out of range [ -1, 2147483647 ], got: -2",
    ],
    [
      { trace_level: ['TIMESTAMPS'], trace_rate: ['0'] },
      'Attempting to set invalid trace setting :sample rate must be non-zero',
    ],
  ])('%j are refused, and nothing changes', (changes, message) => {
    const tracer = aTracer();
    expect(() => set(tracer, { log_frequency: ['7'], ...changes })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message }),
    );
    expect(tracer.view('')).toEqual(aTracer().view(''));
  });

  it('name no other file', () => {
    expect(() => set(aTracer(), { trace_file: ['/etc/passwd'] })).toThrow(
      expect.objectContaining({ code: 'UNIMPLEMENTED' }),
    );
  });

  it('need a file in mode triton, for a model as well', () => {
    const message = 'Attempting to set invalid trace setting :trace file name is not given';
    expect(() => set(aTracer('triton', ''), { trace_level: ['TENSORS'] })).toThrow(message);
    expect(() => set(aTracer('triton', ''), { trace_level: ['TENSORS'] }, 'm')).toThrow(message);
    expect(() => set(aTracer('opentelemetry', ''), { trace_level: ['TENSORS'] })).not.toThrow();
  });
});

describe('of the requests', () => {
  it('none is traced while it is off', () => {
    expect(sampled(aTracer(), 2000)).toEqual([]);
  });

  it('every n-th is', () => {
    const tracer = aTracer();
    set(tracer, { trace_level: ['TIMESTAMPS'], trace_rate: ['3'] });
    expect(sampled(tracer, 9)).toEqual([3, 6, 9]);
  });

  it('so many are as the count says, which goes down', () => {
    const tracer = aTracer();
    set(tracer, { trace_level: ['TIMESTAMPS'], trace_rate: ['1'], trace_count: ['2'] });
    expect(sampled(tracer, 9)).toEqual([1, 2]);
    expect(tracer.view('').get('trace_count')).toEqual(['0']);
  });

  it("only a model's own are, where only it is switched on", () => {
    const tracer = aTracer();
    set(tracer, { trace_level: ['TIMESTAMPS'], trace_rate: ['1'] }, 'm');
    expect(sampled(tracer, 2, 'other')).toEqual([]);
    expect(sampled(tracer, 2, 'm')).toEqual([1, 2]);
  });

  it('those are, whatever the rate, whose clients keep a trace, in mode opentelemetry', () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const traced = aRequest({ traceContext: { traceparent, tracestate: '', isSampled: true } });
    const plain = aRequest({ traceContext: { traceparent, tracestate: '', isSampled: false } });
    for (const [mode, expected] of [
      ['opentelemetry', true],
      ['triton', false],
    ] as const) {
      const tracer = aTracer(mode);
      set(tracer, { trace_level: ['TIMESTAMPS'], trace_count: ['0'] });
      expect(tracer.sample(traced, 'm') !== null).toBe(expected);
      expect(tracer.sample(plain, 'm')).toBeNull();
    }
  });
});

describe('a trace', () => {
  it('has tensors only where they are asked for, as numbers and in quotes', () => {
    const timings = newTimings(5);
    const request = aRequest({
      id: 'r7',
      inputs: [
        anInput({
          name: 'A',
          datatype: 'FP32',
          shape: [2],
          data: new Uint8Array(new Float32Array([1.5, -2]).buffer),
        }),
        anInput({ name: 'B', datatype: 'BYTES', shape: [1], data: Uint8Array.of(2, 0, 0, 0, 104, 105) }),
        anInput({ name: 'C', datatype: 'NONSENSE' }),
      ],
    });
    for (const levels of [['TIMESTAMPS'], ['TIMESTAMPS', 'TENSORS']]) {
      const tracer = aTracer();
      set(tracer, { trace_level: levels, trace_rate: ['1'] });
      const ticket = tracer.sample(request, 'm');
      if (ticket === null) throw new Error('not sampled');
      const outcome = { modelName: 'm', modelVersion: 2, timings, endNs: 9, response: null, error: 'x' };
      tracer.finish(ticket, request, outcome);
    }
    const [plain, full] = sink.traces;
    expect(plain).toMatchObject({
      id: 1,
      requestId: 'r7',
      modelVersion: 2,
      sentNs: 0,
      error: 'x',
      inputs: [],
    });
    expect(full?.inputs).toEqual([
      { name: 'A', datatype: 'FP32', shape: [2], data: '1.5,-2' },
      { name: 'B', datatype: 'BYTES', shape: [1], data: '"hi"' },
      { name: 'C', datatype: 'NONSENSE', shape: [1, 16], data: '' },
    ]);
  });

  it('shows the beginning of tensors that are too large for a file that people read', () => {
    const tracer = aTracer();
    set(tracer, { trace_level: ['TENSORS'], trace_rate: ['1'] });
    const ofBytes = (name: string, datatype: string, bytes: number): InferInput =>
      anInput({ name, datatype, shape: [1], data: new Uint8Array(bytes) });
    const long = new Uint8Array(4 + (9 << 20));
    new DataView(long.buffer).setUint32(0, 9 << 20, true);
    for (const inputs of [
      [ofBytes('many', 'UINT8', (1 << 16) + 1)],
      [anInput({ name: 'long', datatype: 'BYTES', shape: [1], data: long })],
      [ofBytes('large', 'UINT8', 8 << 20), ofBytes('further', 'UINT8', 1)],
    ]) {
      const request = aRequest({ inputs });
      const ticket = tracer.sample(request, 'm');
      expect(ticket?.inputs.at(-1)?.data.slice(-5)).toMatch(/^(0,)?\.\.\.$/);
    }
  });

  it('is told when the client has the answer', () => {
    const tracer = aTracer();
    set(tracer, { trace_level: ['TIMESTAMPS'], trace_rate: ['1'] });
    let sent: (ns: number) => void = () => undefined;
    const request = aRequest({
      whenSent: (listener) => {
        sent = listener;
      },
    });
    const ticket = tracer.sample(request, 'm');
    if (ticket === null) throw new Error('not sampled');
    const timings = newTimings(5);
    tracer.finish(ticket, request, {
      modelName: 'm',
      modelVersion: 1,
      timings,
      endNs: 9,
      response: null,
      error: '',
    });
    expect(sink.traces).toEqual([]);
    sent(11);
    expect(sink.traces).toEqual([expect.objectContaining({ endNs: 9, sentNs: 11 })]);
  });
});
