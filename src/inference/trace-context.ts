import type { TraceContext } from './request.js';

/** Version, trace id, parent id, flags; of later versions more may follow. */
const TRACEPARENT =
  /^(?!ff)(?!00.{53}-)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?$/;

/** Longest value taken over. */
const CHARS_MAX = 512;

/** The context that request headers carry; undefined when there is none or it is malformed. W3C Trace Context 1. */
export function readTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | undefined {
  if (traceparent === undefined || traceparent.length > CHARS_MAX) return undefined;
  const flags = TRACEPARENT.exec(traceparent)?.[1];
  if (flags === undefined) return undefined;
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
  const state = tracestate === undefined || tracestate.length > CHARS_MAX ? '' : tracestate;
  return { traceparent, tracestate: state, isSampled };
}
