import type { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { httpErrors } from '../errors/catalogue.js';
import { type ForwardedHeaders, forwardHeaders } from '../inference/forward-headers.js';
import type { Cancellation } from '../inference/request.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { decompress } from '../service/decompress.js';
import { readBody } from './body.js';
import { requestCompression } from './compression.js';
import type { RequestAccount } from './request-account.js';
import type { HttpMethod, HttpRequest } from './route.js';

export interface IncomingParts {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly account: RequestAccount;
  readonly cancellation: Cancellation;
  readonly method: HttpMethod;
  readonly path: string;
  readonly query: string;
  readonly receivedNs: number;
  readonly inputBytesMax: number;
  /** Cancelled when nobody waits for the rest of the body any more. */
  readonly stopping: Cancellation;
  readonly headerPattern: RegExp | null;
  readonly clock: Clock;
}

/** A request of node's server as routes see it. */
export class IncomingRequest implements HttpRequest {
  readonly method: HttpMethod;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly receivedNs: number;
  readonly cancellation: Cancellation;
  readonly #parts: IncomingParts;

  constructor(parts: IncomingParts) {
    this.method = parts.method;
    this.path = parts.path;
    this.headers = parts.message.headers;
    this.receivedNs = parts.receivedNs;
    this.cancellation = parts.cancellation;
    this.#parts = parts;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#parts.query);
  }

  get peer(): string {
    const { remoteAddress = '', remotePort = 0 } = this.#parts.message.socket;
    return remoteAddress.includes(':')
      ? `[${remoteAddress}]:${remotePort}`
      : `${remoteAddress}:${remotePort}`;
  }

  get forwarded(): ForwardedHeaders {
    const { headerPattern, message } = this.#parts;
    return forwardHeaders(headerPattern, textHeaders(message.headers));
  }

  whenSent(listener: (ns: number) => void): void {
    const { response, clock } = this.#parts;
    let isTold = false;
    const tell = (): void => {
      if (!isTold) listener(clock.nowNs());
      isTold = true;
    };
    response.once('close', tell);
    // The client may have gone before, and answers that wait behind others are never closed then.
    this.cancellation.onCancel(tell);
  }

  hold(bytes: number): void {
    this.#parts.account.hold(bytes);
  }

  async body(bytesMax = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const { message, response, inputBytesMax, stopping } = this.#parts;
    const options = {
      bytesMax: Math.min(bytesMax, inputBytesMax),
      tooLarge: bytesMax < inputBytesMax ? httpErrors.controlTooLarge : httpErrors.inputTooLarge,
      hold: (bytes: number): void => this.hold(bytes),
      stopping,
    };
    const compression = requestCompression(message.headers['content-encoding']);
    invariant(compression !== 'unknown', 'requests that can not be read do not come to a route');
    const isAsked = /^100-continue$/i.test(message.headers.expect ?? '');
    if (isAsked && Number(message.headers['content-length'] ?? 0) <= options.bytesMax)
      response.writeContinue();
    const body = await readBody(message, options);
    return compression === null ? body : decompress(body, compression, options);
  }
}

function* textHeaders(headers: IncomingHttpHeaders): Iterable<readonly [string, string]> {
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) yield [name, typeof value === 'string' ? value : value.join()];
  }
}
