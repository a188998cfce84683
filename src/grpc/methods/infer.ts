import { serverErrors } from '../../errors/catalogue.js';
import {
  type Cancellation,
  Canceller,
  type InferInput,
  type InferRequest,
  type RequestedOutput,
  type RequestOptions,
  type RequestProblems,
  type TraceContext,
} from '../../inference/request.js';
import type { InferResponse } from '../../inference/response.js';
import { readTraceContext } from '../../inference/trace-context.js';
import type { Clock } from '../../lib/clock.js';
import type { CallAccount } from '../call-account.js';
import { decodeInferRequest, type InferMessage } from '../codec/infer-request.js';
import { encodeInferResponse } from '../codec/infer-response.js';
import { MODEL_INFER } from '../protos.js';
import { toDeadlineNs } from '../timeout-header.js';
import { type Call, registerUnary } from '../unary.js';
import type { MethodContext } from './methods.js';

/** ModelInfer, the hot method, with its own codec. */
export function registerInfer(context: MethodContext): void {
  registerUnary(
    context,
    { path: MODEL_INFER, decode: decodeInferRequest, encode: encodeInferResponse },
    (message, call, account) => infer(context, message, call, account),
  );
}

async function infer(
  { service, clock, inFlight, accepting }: MethodContext,
  message: InferMessage,
  call: Call,
  account: CallAccount,
): Promise<InferResponse> {
  if (!accepting()) throw serverErrors.shuttingDown();
  account.hold(message.madeBytes);
  inFlight.enter();
  const canceller = new Canceller();
  const onCancelled = (): void => canceller.cancel();
  call.once('cancelled', onCancelled);
  const request = new GrpcInferRequest(message, call, clock, canceller);
  try {
    return await service.infer(request);
  } finally {
    // grpc-js calls an answered call cancelled too.
    call.off('cancelled', onCancelled);
    // The answer is in memory until the client has taken it.
    account.afterClose(() => {
      inFlight.leave();
      request.sent();
    });
  }
}

/** What a request needs of its call. */
export type RequestCall = Pick<Call, 'getPeer' | 'getDeadline' | 'metadata'>;

/** A message together with what is known of its call. */
export class GrpcInferRequest implements InferRequest {
  readonly protocol = 'grpc';
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly options: RequestOptions;
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly RequestedOutput[];
  readonly problems: RequestProblems;
  readonly deadlineNs: number;
  readonly cancellation: Cancellation;
  readonly receivedNs: number;
  readonly #call: RequestCall;
  readonly #clock: Clock;
  #onSent: ((ns: number) => void) | null = null;

  constructor(message: InferMessage, call: RequestCall, clock: Clock, cancellation: Cancellation) {
    this.modelName = message.modelName;
    this.modelVersion = message.modelVersion;
    this.id = message.id;
    this.options = message.options;
    this.inputs = message.inputs;
    this.outputs = message.outputs;
    this.problems = message.problems;
    this.receivedNs = clock.nowNs();
    const deadline = call.getDeadline();
    this.deadlineNs =
      deadline === Infinity ? Infinity : toDeadlineNs(deadline, clock.wallMs(), this.receivedNs);
    this.cancellation = cancellation;
    this.#call = call;
    this.#clock = clock;
  }

  /** Only the access log asks for it, and reading it from the socket takes a while. */
  get peer(): string {
    return this.#call.getPeer();
  }

  get traceContext(): TraceContext | undefined {
    const [traceparent] = this.#call.metadata.get('traceparent');
    const [tracestate] = this.#call.metadata.get('tracestate');
    return readTraceContext(traceparent?.toString(), tracestate?.toString());
  }

  whenSent(listener: (ns: number) => void): void {
    this.#onSent = listener;
  }

  /** The client has the answer, or is gone. */
  sent(): void {
    this.#onSent?.(this.#clock.nowNs());
  }
}
