import type { Protocol, TraceContext } from '../../inference/request.js';
import type { Timings } from '../../inference/timings.js';
import type { TraceLevel } from '../../settings/trace-settings.js';
import type { Shape } from '../../tensor/shape.js';

/** A request that is over, as it is traced. */
export interface TracedRequest {
  /** Of the trace, counted from 1. */
  readonly id: number;
  readonly levels: readonly TraceLevel[];
  readonly protocol: Protocol;
  readonly modelName: string;
  readonly modelVersion: number;
  /** '' when the client gave none. */
  readonly requestId: string;
  readonly context: TraceContext | null;
  readonly timings: Timings;
  /** Monotonic nanoseconds when the answer was there, or the error. */
  readonly endNs: number;
  /** When the client had taken it; 0 = not known. */
  readonly sentNs: number;
  /** As they were sent and answered; empty unless tensors are traced. */
  readonly inputs: readonly TracedTensor[];
  readonly outputs: readonly TracedTensor[];
  /** '' when the request was answered. */
  readonly error: string;
}

/** A tensor in words. */
export interface TracedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: Shape;
  readonly data: string;
}

/** A stage of a request and when it was reached, monotonic nanoseconds. */
export interface TraceStage {
  readonly name: string;
  readonly ns: number;
}

/** Where traces go. */
export interface TraceSink {
  write(traced: TracedRequest): void;
  /** Resolves when what was written has arrived, or was given up. */
  close(): Promise<void>;
}

/** The stages that a request reached, Triton's names, in the order in which it did. */
export function stagesOf({ protocol, timings, endNs, sentNs }: TracedRequest): readonly TraceStage[] {
  const door = protocol === 'grpc' ? ['GRPC_WAITREAD', 'GRPC_SEND'] : ['HTTP_RECV', 'HTTP_SEND'];
  const [receive, send] = door as [string, string];
  return [
    { name: `${receive}_START`, ns: timings.received },
    { name: `${receive}_END`, ns: timings.received },
    { name: 'REQUEST_START', ns: timings.received },
    { name: 'QUEUE_START', ns: timings.queueStart },
    { name: 'COMPUTE_START', ns: timings.computeStart },
    { name: 'COMPUTE_INPUT_END', ns: timings.computeInputEnd },
    { name: 'COMPUTE_OUTPUT_START', ns: timings.computeOutputStart },
    { name: 'COMPUTE_END', ns: timings.computeEnd },
    { name: 'INFER_RESPONSE_COMPLETE', ns: endNs },
    { name: 'REQUEST_END', ns: endNs },
    { name: `${send}_START`, ns: sentNs === 0 ? 0 : endNs },
    { name: `${send}_END`, ns: sentNs },
  ].filter(({ ns }) => ns > 0);
}
