import { serverErrors } from '../../errors/catalogue.js';
import {
  type Cancellation,
  Canceller,
  type InferInput,
  type InferRequest,
  type RequestedOutput,
  type RequestOptions,
  type RequestProblems,
} from '../../inference/request.js';
import type { InferResponse } from '../../inference/response.js';
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
  try {
    return await service.infer(new GrpcInferRequest(message, call, clock, canceller));
  } finally {
    // grpc-js calls an answered call cancelled too.
    call.off('cancelled', onCancelled);
    // The answer is in memory until the client has taken it.
    account.afterClose(() => inFlight.leave());
  }
}

/** A message together with what is known of its call. */
class GrpcInferRequest implements InferRequest {
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
  readonly #call: Call;

  constructor(message: InferMessage, call: Call, clock: Clock, cancellation: Cancellation) {
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
  }

  /** Only the access log asks for it, and reading it from the socket takes a while. */
  get peer(): string {
    return this.#call.getPeer();
  }
}
