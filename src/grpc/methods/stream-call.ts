import type { Buffer } from 'node:buffer';
import { constants } from 'node:http2';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { serverErrors } from '../../errors/catalogue.js';
import { ServingError } from '../../errors/serving-error.js';
import { Canceller } from '../../inference/request.js';
import type { StreamedResponse } from '../../inference/response.js';
import { LIMITS } from '../../settings/limits.js';
import { requestBytes } from '../call-accounts.js';
import { forgetPieces, streamOf } from '../call-stream.js';
import { decodeInferRequest, type InferMessage } from '../codec/infer-request.js';
import {
  encodeEmptyFinal,
  encodeFailure,
  encodeRefusal,
  encodeStreamedAnswer,
} from '../codec/stream-response.js';
import { decodeMessage } from '../decode-message.js';
import { MODEL_STREAM_INFER } from '../protos.js';
import { type GrpcStatus, toGrpcStatus } from '../status.js';
import type { MessageShare, StreamAccount } from '../stream-account.js';
import { type Place, StreamOrder } from '../stream-order.js';
import { StreamWriter } from '../stream-writer.js';
import { GrpcInferRequest } from './infer.js';
import type { MethodContext } from './methods.js';

/** Bounds of one stream; reaching one makes its client or its models wait. */
export interface StreamLimits {
  readonly streamRequestsMax: number;
  readonly streamBytesMax: number;
  readonly streamUnsentBytesMax: number;
  /** How long a client may take nothing while a model waits for it; its stream is cut off then. */
  readonly streamStalledMs: number;
}

export type StreamContext = Pick<
  MethodContext,
  'service' | 'clock' | 'log' | 'inFlight' | 'accepting' | 'headerPattern'
> & {
  readonly limits: StreamLimits;
};

export type BidiCall = ServerDuplexStream<Buffer, Buffer>;

/** Triton's request for the status of a failed answer, at the price of the stream. */
const ERROR_HEADER = 'triton_grpc_error';

/** A request of a stream until its last answer has left. */
interface OpenRequest {
  readonly request: GrpcInferRequest;
  readonly canceller: Canceller;
  readonly share: MessageShare;
  readonly place: Place;
  /** Whether it counts among the door's requests in flight. */
  isCounted: boolean;
  /** Whether no further answer comes. */
  isAnswered: boolean;
  /** Answers that have not left. */
  unsent: number;
}

/**
 * One call of ModelStreamInfer. Requests are submitted as they come, without waiting for the answers of
 * those before them; answers go out in the order of the requests, those of decoupled models when they
 * come. An error of a request is an answer; the stream ends with what no single request can be told.
 */
export class StreamCall {
  readonly #context: StreamContext;
  readonly #call: BidiCall;
  readonly #account: StreamAccount;
  readonly #endsWithErrors: boolean;
  readonly #order = new StreamOrder();
  readonly #writer: StreamWriter;
  readonly #open = new Set<OpenRequest>();
  /** Bytes of these, and of answers that have not left. */
  #openBytes = 0;
  #isDecompressing = false;
  /** How the stream ends once all requests are answered; null while further ones are read. */
  #ending: GrpcStatus | 'OK' | null = null;
  #isOver = false;

  constructor(context: StreamContext, call: BidiCall, account: StreamAccount) {
    this.#context = context;
    this.#call = call;
    this.#account = account;
    this.#endsWithErrors = call.metadata.get(ERROR_HEADER).includes('true');
    this.#writer = new StreamWriter(
      (bytes, sent) => call.write(bytes, sent),
      context.limits.streamUnsentBytesMax,
      {
        clock: context.clock,
        stalledMs: context.limits.streamStalledMs,
        bytesPerSecondMin: LIMITS.streamBytesPerSecondMin,
        onStalled: () => this.#cutOff(),
      },
    );
    account.onRefused((error) => {
      // What still comes must not fill the memory while the status waits for the client.
      streamOf(call).pause();
      this.#abort(this.#toStatus(error));
    });
    call.on('data', (bytes: Buffer) => this.#receive(bytes));
    call.on('end', () => this.#endAfterAnswers('OK'));
    call.once('cancelled', () => this.#close());
  }

  /** Reads no further request, and ends the stream as UNAVAILABLE when those it has read are answered. */
  shutDown(): void {
    this.#endAfterAnswers(this.#toStatus(serverErrors.shuttingDown()));
  }

  #receive(bytes: Buffer): void {
    if (this.#isOver) return;
    try {
      const share = this.#account.take(bytes.length);
      if (this.#account.isBetween) forgetPieces(this.#call);
      if (share.compression === null) this.#accept(share, () => decodeMessage(decodeInferRequest, bytes));
      else this.#decompress(bytes, share).catch(this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Further requests wait, so that they stay in their order. */
  async #decompress(bytes: Buffer, share: MessageShare): Promise<void> {
    this.#isDecompressing = true;
    this.#readOrPause();
    let decode: () => InferMessage;
    try {
      const message = await requestBytes(share, MODEL_STREAM_INFER, bytes);
      decode = () => decodeMessage(decodeInferRequest, message);
    } catch (error) {
      decode = () => {
        throw error;
      };
    }
    this.#isDecompressing = false;
    this.#accept(share, decode);
    this.#readOrPause();
  }

  /** Submits a request; what is none ends the stream behind the answers of those before it. */
  #accept(share: MessageShare, decode: () => InferMessage): void {
    if (this.#ending !== null || this.#isOver) {
      share.release();
      return;
    }
    let message: InferMessage;
    try {
      message = decode();
    } catch (error) {
      share.release();
      this.#endAfterAnswers(this.#toStatus(error));
      return;
    }
    const canceller = new Canceller();
    const open: OpenRequest = {
      request: new GrpcInferRequest(message, this.#call, this.#context, canceller),
      canceller,
      share,
      place: this.#order.enter(),
      isCounted: false,
      isAnswered: false,
      unsent: 0,
    };
    this.#open.add(open);
    this.#openBytes += share.bytes;
    this.#answer(open, message).catch(this.#failed);
    this.#readOrPause();
  }

  /** Rejects for mistakes of ours only, after which the stream's state is not known. */
  async #answer(open: OpenRequest, { modelName, modelVersion, madeBytes }: InferMessage): Promise<void> {
    const { service, inFlight, accepting } = this.#context;
    try {
      if (!accepting()) throw inFlight.refused(serverErrors.shuttingDown());
      if (service.isDecoupled(modelName, modelVersion)) this.#order.leave(open.place);
      open.share.hold(madeBytes);
      inFlight.enter();
      open.isCounted = true;
      await service.inferStream(open.request, (answer) => this.#emit(open, answer));
    } catch (error) {
      this.#fail(open, error);
    }
    this.#order.end(open.place);
    open.isAnswered = true;
    this.#finishIfSent(open);
  }

  /** The last answer is kept here until the client takes it, and its model is free; others hold their model up. */
  #emit(open: OpenRequest, { response, isFinal }: StreamedResponse): Promise<void> | void {
    if (this.#isOver) return;
    if (response !== null) {
      const bytes = encodeStreamedAnswer(response, isFinal);
      this.#account.hold(bytes.length);
      this.#write(open, bytes, bytes.length);
    } else if (isFinal && open.request.options.emptyFinalResponse) {
      this.#write(open, encodeEmptyFinal(open.request), 0);
    }
    if (!isFinal) return this.#writer.room() ?? undefined;
  }

  #fail(open: OpenRequest, error: unknown): void {
    if (this.#isOver) return;
    const status = this.#toStatus(error);
    const isAnswer = error instanceof ServingError && error.isAnswer;
    // The deadline is that of the whole stream.
    if ((isAnswer && this.#endsWithErrors) || status.name === 'DEADLINE_EXCEEDED') {
      this.#abort(status);
      return;
    }
    // Without a text it would be no error.
    const text = status.details === '' ? status.name : status.details;
    const encodeError = isAnswer ? encodeFailure : encodeRefusal;
    this.#write(open, encodeError(text, open.request), 0);
  }

  /** @param held what the account has counted for `bytes`; nothing for those that are few */
  #write(open: OpenRequest, bytes: Buffer, held: number): void {
    open.unsent++;
    this.#openBytes += held;
    this.#order.write(open.place, () =>
      this.#writer.write(bytes, () => {
        this.#account.release(held);
        this.#openBytes -= held;
        open.unsent--;
        this.#finishIfSent(open);
        this.#readOrPause();
      }),
    );
  }

  #finishIfSent(open: OpenRequest): void {
    if (!open.isAnswered || open.unsent > 0) return;
    this.#finish(open);
    if (this.#ending !== null && this.#open.size === 0) this.#end(this.#ending);
    else this.#readOrPause();
  }

  #finish(open: OpenRequest): void {
    if (!this.#open.delete(open)) return;
    open.share.release();
    this.#openBytes -= open.share.bytes;
    if (open.isCounted) this.#context.inFlight.leave();
    open.request.sent();
  }

  /** Unread requests stay with the client, held up by HTTP/2's flow control. */
  #readOrPause(): void {
    const { streamRequestsMax, streamBytesMax } = this.#context.limits;
    const mayRead =
      this.#ending === null &&
      !this.#isDecompressing &&
      (this.#open.size === 0 || (this.#open.size < streamRequestsMax && this.#openBytes < streamBytesMax));
    if (mayRead === this.#call.isPaused()) {
      if (mayRead) this.#call.resume();
      else this.#call.pause();
    }
  }

  #endAfterAnswers(ending: GrpcStatus | 'OK'): void {
    if (this.#ending !== null || this.#isOver) return;
    this.#ending = ending;
    this.#readOrPause();
    if (this.#open.size === 0) this.#end(ending);
  }

  /** Ends the stream now; what has been written still reaches the client. */
  #abort(status: GrpcStatus): void {
    if (this.#isOver) return;
    this.#ending = status;
    this.#end(status);
  }

  #end(ending: GrpcStatus | 'OK'): void {
    if (this.#isOver) return;
    this.#close();
    if (ending === 'OK') this.#call.end();
    else this.#call.emit('error', ending);
  }

  /** A client that does not read gets no status either, which would wait behind the answers. */
  #cutOff(): void {
    if (this.#isOver) return;
    this.#context.log.info(
      { peer: this.#call.getPeer() },
      'a stream whose client takes no answers was cut off',
    );
    this.#close();
    streamOf(this.#call).close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Nobody waits for an answer any more. */
  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#account.ignoreRest();
    this.#writer.close();
    for (const open of this.#open) {
      this.#finish(open);
      if (!open.isAnswered) open.canceller.cancel();
    }
  }

  readonly #failed = (error: unknown): void => this.#abort(this.#toStatus(error));

  #toStatus(error: unknown): GrpcStatus {
    return toGrpcStatus(error, MODEL_STREAM_INFER, this.#context.log);
  }
}
