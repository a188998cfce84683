import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, sleep, systemClock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import type { DoorSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { OpenAnswers } from './open-answers.js';
import { errorBody } from './reply.js';

/** A port that answers HTTP. */
export interface HttpListener {
  /** The port it listens on. */
  readonly port: number;
  /** From now on answers end their connections, so that clients go elsewhere. */
  endConnections(): void;
  /** Takes no more connections, gives open ones `graceMs` to finish, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** What every answer says of its connection. */
export type ConnectionHeaders = Readonly<Record<string, string>>;

const STAYS: ConnectionHeaders = {};
const ENDS: ConnectionHeaders = { Connection: 'close' };

export interface ListenerOptions {
  /** What listens, as texts name it. */
  readonly name: string;
  /** Start of the flags that choose where: `--http` of `--http-port`. */
  readonly flag: string;
  readonly settings: DoorSettings;
  readonly log: Log;
  readonly clock?: Clock;
  readonly connectionsMax: number;
  /** Until a whole request has come; 0 = whoever handles it sees to that. */
  readonly requestMs: number;
  /** Answers one request, some time, with these headers besides its own. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse, headers: () => ConnectionHeaders): void;
  /** Whether a connection on which nothing moves waits for us and not for its client. */
  isWorking?(socket: Socket): boolean;
}

/** Listens within the bounds of all HTTP ports. Rejects with an Error whose text says what to do. */
export async function listenHttp(options: ListenerOptions): Promise<HttpListener> {
  const { name, log, clock = systemClock } = options;
  let ending = false;
  const answers = new OpenAnswers();
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answers.add(request, response);
    options.handle(request, response, () => (ending ? ENDS : STAYS));
  };
  const server = createServer(
    {
      maxHeaderSize: LIMITS.httpHeaderBytesMax,
      headersTimeout: LIMITS.httpHeadersMs,
      requestTimeout: options.requestMs,
      keepAliveTimeout: LIMITS.httpIdleMs,
      // Triton asks for none, and nothing here depends on it.
      requireHostHeader: false,
    },
    handle,
  );
  server.maxConnections = options.connectionsMax;
  server.on('timeout', (socket) => {
    if (options.isWorking?.(socket) !== true) socket.destroy();
  });
  // Whoever asks whether to send a body is told when it is read.
  server.on('checkContinue', handle);
  server.on('clientError', (error, socket) => {
    if (!socket.writable || !answers.endAfter(socket)) refuseBrokenRequest(error, socket);
  });
  const port = await listen(server, options);
  server.on('error', (error) => log.warn({ err: error }, `${name} connection could not be accepted`));
  server.on('drop', () => log.debug({}, `${name} connection refused, too many are open`));

  return {
    port,
    endConnections() {
      ending = true;
    },
    async close(graceMs) {
      ending = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await Promise.race([closed, sleep(clock, graceMs * 1e6)]);
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Ends the connection of an answer that is ready when its client takes nothing of it for so long. */
export function limitStall(response: ServerResponse, stalledMs: number): void {
  response.setTimeout(stalledMs);
}

/** Answers what is no HTTP, too large or too slow, where the connection still takes an answer. */
function refuseBrokenRequest(error: Error & { code?: string }, socket: Duplex): void {
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
