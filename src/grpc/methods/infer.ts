import { serverErrors } from '../../errors/catalogue.js';
import { forwardHeaders, withHeaders } from '../../inference/forward-headers.js';
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
  context: MethodContext,
  message: InferMessage,
  call: Call,
  account: CallAccount,
): Promise<InferResponse> {
  const { service, inFlight, accepting } = context;
  if (!accepting()) throw inFlight.refused(serverErrors.shuttingDown());
  account.hold(message.madeBytes);
  inFlight.enter();
  const canceller = new Canceller();
  const onCancelled = (): void => canceller.cancel();
  call.once('cancelled', onCancelled);
  const request = new GrpcInferRequest(message, call, context, canceller);
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
  #sentNs = 0;
  #onSent: ((ns: number) => void) | null = null;

  constructor(
    message: InferMessage,
    call: RequestCall,
    { clock, headerPattern }: Pick<MethodContext, 'clock' | 'headerPattern'>,
    cancellation: Cancellation,
  ) {
    const { parameters, problem } = forwardHeaders(headerPattern, headersOf(call));
    this.modelName = message.modelName;
    this.modelVersion = message.modelVersion;
    this.id = message.id;
    this.options = withHeaders(message.options, parameters);
    this.inputs = message.inputs;
    this.outputs = message.outputs;
    // Triton looks at them after the parameters and before the data.
    this.problems = problem === null ? message.problems : { ...message.problems, payload: problem };
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
    if (this.#sentNs > 0) listener(this.#sentNs);
    else this.#onSent = listener;
  }

  /** The client has the answer, or is gone. */
  sent(): void {
    this.#sentNs = this.#clock.nowNs();
    this.#onSent?.(this.#sentNs);
  }
}

/** Text headers of a call; binary ones are no parameters. */
function* headersOf({ metadata }: RequestCall): Iterable<readonly [string, string]> {
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === 'string') yield [name, value];
  }
}
