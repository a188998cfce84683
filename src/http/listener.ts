import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { toServingError } from '../errors/serving-error.js';
import { type Clock, sleep, systemClock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import type { DoorSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { HTTP_STATUS } from './status.js';

/** A whole HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Methods of the path, for answers with status 405. */
  readonly allow: string | null;
}

/** A port that answers HTTP. */
export interface HttpDoor {
  /** The port it listens on. */
  readonly port: number;
  /** Takes no more connections, gives open ones `graceMs` to finish, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface ListenerOptions {
  /** What listens, as texts name it. */
  readonly name: string;
  /** Start of the flags that choose where: `--http` of `--http-port`. */
  readonly flag: string;
  readonly settings: DoorSettings;
  readonly log: Log;
  readonly clock?: Clock;
  /** Answers one request without its body; `path` as it came. What it throws is logged and stays hidden. */
  answer(method: string, path: string): Answer | Promise<Answer>;
}

/** Methods of every path. */
export const METHODS = 'GET, HEAD';

/** The JSON of every error. */
export function errorBody(text: string): string {
  return JSON.stringify({ error: text });
}

/** Listens within the bounds of all HTTP ports. Rejects with an Error whose text says what to do. */
export async function listenHttp(options: ListenerOptions): Promise<HttpDoor> {
  const { name, log, clock = systemClock } = options;
  let closing = false;
  const server = createServer(
    {
      maxHeaderSize: LIMITS.httpHeaderBytesMax,
      headersTimeout: LIMITS.httpHeadersMs,
      requestTimeout: LIMITS.httpRequestMs,
      keepAliveTimeout: LIMITS.httpIdleMs,
    },
    async (request, response) => {
      const answer = await answerOf(options, request);
      respond(request, response, answer, closing);
    },
  );
  server.maxConnections = LIMITS.httpConnectionsMax;
  server.on('clientError', refuseBrokenRequest);
  const port = await listen(server, options);
  server.on('error', (error) => log.warn({ err: error }, `${name} connection could not be accepted`));
  server.on('drop', () => log.debug({}, `${name} connection refused, too many are open`));

  return {
    port,
    async close(graceMs) {
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([closed, sleep(clock, graceMs * 1e6)]);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answerOf(options: ListenerOptions, request: IncomingMessage): Promise<Answer> {
  const { method = 'GET', url = '/' } = request;
  try {
    return await options.answer(method, url);
  } catch (error) {
    options.log.error({ err: error, url }, `${options.name} request failed`);
    const { code, message } = toServingError(error);
    return { status: HTTP_STATUS[code], contentType: 'text/plain', body: errorBody(message), allow: null };
  }
}

function respond(request: IncomingMessage, response: ServerResponse, answer: Answer, closing: boolean): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
    ...(answer.allow === null ? {} : { Allow: answer.allow }),
    ...(closing ? { Connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Answers what is no HTTP, too large or too slow, where the connection still takes an answer. */
function refuseBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const reason = STATUS_CODES[status] ?? '';
  const body = errorBody(reason);
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function listen(server: Server, options: ListenerOptions): Promise<number> {
  const { settings } = options;
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(listenError(error, options));
    server.once('error', refuse);
    server.listen({ host: settings.address, port: settings.port }, () => {
      server.off('error', refuse);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : settings.port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, { name, flag, settings }: ListenerOptions): Error {
  const { address, port } = settings;
  return new Error(`${name} can't listen on ${address}:${port}: ${listenReason(error, flag)}`, {
    cause: error,
  });
}

function listenReason({ code, message }: NodeJS.ErrnoException, flag: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `the port is in use; end the process that holds it or choose another with ${flag}-port`;
    case 'EACCES':
      return `this user may not use the port; choose one above 1023 with ${flag}-port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `this machine has no such address; choose another with ${flag}-address`;
    default:
      return message;
  }
}
