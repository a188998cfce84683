import type { IncomingHttpHeaders } from 'node:http';
import type { ForwardedHeaders } from '../inference/forward-headers.js';
import type { Cancellation } from '../inference/request.js';
import type { Clock } from '../lib/clock.js';
import type { InferenceService } from '../service/service.js';
import type { ProtocolCategory } from '../settings/protocol-category.js';
import type { Log } from '../telemetry/log.js';
import type { JsonThreads } from './infer/json-converter.js';

/** Methods that routes answer; HEAD is answered as GET, without a body. */
export type HttpMethod = 'GET' | 'POST';

/** A request as routes see it. */
export interface HttpRequest {
  readonly method: HttpMethod;
  /** As it came, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
  /** Headers that become parameters of an inference request. */
  readonly forwarded: ForwardedHeaders;
  /** Calls `listener` once, with the moment at which the client had the answer or was gone. */
  whenSent(listener: (ns: number) => void): void;
  /** Monotonic nanoseconds of arrival. */
  readonly receivedNs: number;
  /** Cancelled when the client goes before it is answered. */
  readonly cancellation: Cancellation;
  /**
   * The whole body, decompressed, within `bytesMax` or else `--http-max-input-size`; counted as in flight
   * until the answer is taken. Rejects with ServingError. To be called once.
   */
  body(bytesMax?: number): Promise<Buffer>;
  /**
   * Counts further memory that the request needs, like what is made of its body, until the answer is
   * taken. Throws UNAVAILABLE when the door has no more.
   */
  hold(bytes: number): void;
}

/** A whole answer. Pieces are sent as they are, one after the other, without being copied together. */
export interface HttpReply {
  readonly kind: 'whole';
  readonly status: number;
  readonly contentType: string;
  /** Besides type, length and encoding. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | readonly Uint8Array[];
}

/** An answer that is written while it is made, like server-sent events. */
export interface HttpStreamReply {
  readonly kind: 'stream';
  readonly status: number;
  readonly contentType: string;
  /**
   * Called once; `write` resolves when the client takes more, and rejects with CANCELLED once it has
   * gone. The answer ends when the promise does.
   */
  write(write: (text: string) => Promise<void>): Promise<void>;
}

/** What is answered in place of a route that the client may not use; null = it may. */
export type Restriction = (category: ProtocolCategory, headers: IncomingHttpHeaders) => HttpReply | null;

/** What routes work with. */
export interface RouteContext {
  readonly service: InferenceService;
  readonly clock: Clock;
  readonly log: Log;
  /** What reads and writes large JSON; absent: the serving thread does. */
  readonly jsonThreads?: JsonThreads;
  /** False once the door takes no more inference requests. */
  accepting(): boolean;
}

/** What a path answers, by method. */
export interface Route {
  /** Of the whole path; names in it are percent-decoded before `answer` gets them, as named groups. */
  readonly pattern: RegExp;
  readonly methods: readonly HttpMethod[];
  readonly category: ProtocolCategory;
  /** Of errors, of 405 too: Triton sets a route's type before it looks at anything. */
  readonly contentType: 'application/json' | 'text/plain';
  /** Whether good answers are compressed as the client accepts; Triton does so with inference alone. */
  readonly compresses?: boolean;
  /** Throws ServingError, which becomes `{"error": text}` with the status of its code. */
  answer(
    context: RouteContext,
    request: HttpRequest,
    names: Readonly<Record<string, string | undefined>>,
  ): HttpReply | HttpStreamReply | Promise<HttpReply | HttpStreamReply>;
}
