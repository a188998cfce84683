import { Buffer } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpErrors, queueErrors } from '../errors/catalogue.js';
import { toServingError } from '../errors/serving-error.js';
import { type Cancellation, Canceller, NEVER_CANCELLED } from '../inference/request.js';
import type { InFlight } from '../service/in-flight.js';
import { answerCompression, compress, isReadable } from './compression.js';
import type { Connections, OpenExchange } from './connections.js';
import { IncomingRequest } from './incoming-request.js';
import { type ConnectionHeaders, limitStall } from './listener.js';
import { errorReply, thrownReply } from './reply.js';
import { RequestAccount } from './request-account.js';
import type { RequestPace } from './request-pace.js';
import type { HttpReply, HttpStreamReply, Restriction, Route, RouteContext } from './route.js';
import { type Destination, findRoute, splitTarget } from './router.js';

/** What all exchanges of a door share. */
export interface ExchangeContext {
  readonly routes: readonly Route[];
  readonly route: RouteContext;
  readonly restriction: Restriction;
  readonly inFlight: InFlight;
  readonly connections: Connections;
  readonly pace: RequestPace;
  readonly inputBytesMax: number;
  /** Cancelled when the door takes no more inference requests. */
  readonly stopping: Cancellation;
  readonly headerPattern: RegExp | null;
  /** How long a client may take nothing of its answer. */
  readonly stalledMs: number;
}

/** Up to here it is cheaper to copy the pieces of an answer together than to send them one by one. */
const SMALL_BYTES = 32 << 10;

const NOT_FOUND = errorReply(404, 'Not Found', 'text/plain');
const TOO_SLOW = errorReply(408, 'Request Timeout', 'application/json', { Connection: 'close' });
const UNKNOWN_COMPRESSION = errorReply(501, 'Unsupported compression type', 'text/plain', {
  'Accept-Encoding': 'gzip, deflate',
});

/** One request and its answer, from the request's headers until the answer is taken. */
export class Exchange implements OpenExchange {
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connectionHeaders: () => ConnectionHeaders;
  readonly #account: RequestAccount;
  readonly #canceller = new Canceller();
  readonly #receivedNs: number;
  #isSending = false;
  #isOver = false;

  constructor(
    context: ExchangeContext,
    request: IncomingMessage,
    response: ServerResponse,
    connectionHeaders: () => ConnectionHeaders,
  ) {
    this.#context = context;
    this.#connectionHeaders = connectionHeaders;
    this.#request = request;
    this.#response = response;
    this.#account = new RequestAccount(context.inFlight);
    this.#receivedNs = context.route.clock.nowNs();
  }

  get isWorking(): boolean {
    return !this.#isSending;
  }

  gone(): void {
    if (this.#isOver) return;
    this.#over();
    this.#canceller.cancel();
  }

  /** Answers the request; never rejects. */
  async run(): Promise<void> {
    const { connections, pace, route } = this.#context;
    const { socket } = this.#request;
    if (!connections.begin(socket, this)) {
      socket.destroy();
      return;
    }
    // What goes wrong with a client that has gone concerns nobody.
    this.#response.on('error', () => {});
    this.#response.once('finish', () => {
      pace.answered(this.#request);
      if (!this.#isOver) this.#over();
    });
    pace.watch(this.#request, this.#receivedNs, () => this.#tooSlow());
    try {
      await this.#answer();
    } catch (error) {
      route.log.error({ err: error, url: this.#request.url }, 'HTTP answer could not be sent');
      socket.destroy();
    } finally {
      this.#account.settle();
    }
  }

  async #answer(): Promise<void> {
    const { path, query } = splitTarget(this.#request.url ?? '/');
    const destination = findRoute(this.#context.routes, this.#request.method, path);
    const reply = await this.#replyOf(destination, path, query);
    if (reply.kind === 'stream') await this.#sendStream(reply);
    else await this.#sendWhole(reply, destination.kind === 'route' && destination.route.compresses === true);
  }

  async #replyOf(
    destination: Destination,
    path: string,
    query: string,
  ): Promise<HttpReply | HttpStreamReply> {
    if (destination.kind === 'none') return NOT_FOUND;
    const { route } = destination;
    try {
      const refusal = this.#context.restriction(route.category, this.#request.headers);
      if (refusal !== null) return refusal;
      if (destination.kind === 'method') {
        return errorReply(405, 'Method Not Allowed', route.contentType, { Allow: destination.allow });
      }
      if (!isReadable(this.#request.headers)) return UNKNOWN_COMPRESSION;
      if (route.category === 'inference') this.#admit();
      const request = new IncomingRequest({
        message: this.#request,
        response: this.#response,
        account: this.#account,
        cancellation: this.#canceller,
        method: this.#request.method === 'POST' ? 'POST' : 'GET',
        path,
        query,
        receivedNs: this.#receivedNs,
        inputBytesMax: this.#context.inputBytesMax,
        stopping: route.category === 'inference' ? this.#context.stopping : NEVER_CANCELLED,
        headerPattern: this.#context.headerPattern,
        clock: this.#context.route.clock,
      });
      return await route.answer(this.#context.route, request, destination.names);
    } catch (error) {
      this.#report(error);
      return thrownReply(error, route.contentType);
    }
  }

  #admit(): void {
    const { route, inFlight } = this.#context;
    if (!route.accepting()) throw inFlight.refused(httpErrors.shuttingDown());
    this.#account.enter();
  }

  #report(error: unknown): void {
    const { log } = this.#context.route;
    const { url } = this.#request;
    const { code, message, cause, isFault } = toServingError(error);
    if (isFault) log.error({ err: cause ?? error, url }, 'HTTP request failed');
    else if (code === 'INTERNAL')
      log.warn({ url, reason: message }, 'what a request asked for can not be done');
  }

  async #sendWhole(reply: HttpReply, mayCompress: boolean): Promise<void> {
    const { headers } = this.#request;
    const encoding =
      mayCompress && reply.status === 200 ? answerCompression(headers['accept-encoding']) : null;
    let pieces = typeof reply.body === 'string' ? [Buffer.from(reply.body)] : reply.body;
    if (encoding !== null) pieces = await compress(pieces, encoding);
    let length = 0;
    for (const piece of pieces) length += piece.length;
    if (pieces.length > 1 && length <= SMALL_BYTES) pieces = [Buffer.concat(pieces, length)];
    try {
      this.#account.hold(length);
    } catch (error) {
      this.#write(thrownReply(error, 'application/json'));
      return;
    }
    this.#write(
      encoding === null ? reply : { ...reply, headers: { ...reply.headers, 'Content-Encoding': encoding } },
      pieces,
      length,
    );
  }

  #write(reply: HttpReply, pieces?: readonly Uint8Array[], length?: number): void {
    const response = this.#response;
    // Too slow a request has its answer already.
    if (this.#isOver || response.headersSent) return;
    this.#beginSending();
    const body = pieces ?? [Buffer.from(String(reply.body))];
    response.writeHead(reply.status, {
      'Content-Type': reply.contentType,
      'Content-Length': length ?? body[0]?.length ?? 0,
      // To end a connection on which something still comes may lose the answer.
      ...(this.#request.complete ? this.#connectionHeaders() : {}),
      ...reply.headers,
    });
    if (this.#request.method !== 'HEAD') {
      response.cork();
      for (const piece of body) if (piece.length > 0) response.write(piece);
    }
    response.end();
  }

  async #sendStream(reply: HttpStreamReply): Promise<void> {
    const response = this.#response;
    if (!this.#isOver && !response.headersSent) {
      response.writeHead(reply.status, {
        'Content-Type': reply.contentType,
        ...this.#connectionHeaders(),
      });
    }
    try {
      await reply.write(async (text) => {
        if (this.#isOver) throw queueErrors.cancelled();
        if (!response.write(text)) await this.#drained();
      });
    } catch (error) {
      if (!this.#isOver) throw error;
      return;
    }
    if (this.#isOver) return;
    this.#beginSending();
    response.end();
  }

  async #drained(): Promise<void> {
    this.#beginSending();
    await new Promise<void>((resolve, reject) => {
      const takeBack = this.#canceller.onCancel(() => reject(queueErrors.cancelled()));
      this.#response.once('drain', () => {
        takeBack();
        resolve();
      });
    });
    this.#isSending = false;
  }

  /** It is the client's turn. */
  #beginSending(): void {
    this.#isSending = true;
    limitStall(this.#response, this.#context.stalledMs);
  }

  #tooSlow(): void {
    if (this.#response.headersSent) this.#request.socket.destroy();
    else this.#write(TOO_SLOW);
  }

  #over(): void {
    this.#isOver = true;
    this.#context.connections.end(this.#request.socket, this);
    this.#account.settle();
  }
}
