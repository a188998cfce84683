import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { type Clock, sleep, systemClock } from '../lib/clock.js';
import type { InferenceService } from '../service/service.js';
import { LIMITS } from '../settings/limits.js';
import type { DoorSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { answerRequest, errorBody } from './answer.js';

/** The HTTP port: health, readiness and the server's metadata, as Triton's. */
export interface HttpDoor {
  /** The port it listens on. */
  readonly port: number;
  /** Takes no more connections, gives open ones `graceMs` to finish, then cuts them. */
  close(graceMs: number): Promise<void>;
}

export interface HttpDoorOptions {
  readonly service: InferenceService;
  readonly settings: DoorSettings;
  readonly log: Log;
  readonly clock?: Clock;
}

/** Rejects with an Error whose text says what to do when it can't listen. */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const { service, settings, log, clock = systemClock } = options;
  let closing = false;
  const server = createServer(
    {
      maxHeaderSize: LIMITS.httpHeaderBytesMax,
      headersTimeout: LIMITS.httpHeadersMs,
      requestTimeout: LIMITS.httpRequestMs,
      keepAliveTimeout: LIMITS.httpIdleMs,
    },
    (request, response) => respond(request, response, service, log, closing),
  );
  server.maxConnections = LIMITS.httpConnectionsMax;
  server.on('clientError', refuseBrokenRequest);
  const port = await listen(server, settings);
  server.on('error', (error) => log.warn({ err: error }, 'HTTP connection could not be accepted'));
  server.on('drop', () => log.debug({}, 'HTTP connection refused, too many are open'));

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

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  service: InferenceService,
  log: Log,
  closing: boolean,
): void {
  const { method = 'GET', url = '/' } = request;
  const answer = answerRequest(service, method, url, (error) =>
    log.error({ err: error, url }, 'HTTP request failed'),
  );
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
    ...(answer.allow === null ? {} : { Allow: answer.allow }),
    ...(closing ? { Connection: 'close' } : {}),
  });
  response.end(method === 'HEAD' ? undefined : body);
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

function listen(server: Server, settings: DoorSettings): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(listenError(error, settings));
    server.once('error', refuse);
    server.listen({ host: settings.address, port: settings.port }, () => {
      server.off('error', refuse);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : settings.port);
    });
  });
}

function listenError(error: NodeJS.ErrnoException, { address, port }: DoorSettings): Error {
  return new Error(`HTTP can't listen on ${address}:${port}: ${listenReason(error)}`, { cause: error });
}

function listenReason({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use; end the process that holds it or choose another with --http-port';
    case 'EACCES':
      return 'this user may not use the port; choose one above 1023 with --http-port';
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'this machine has no such address; choose another with --http-address';
    default:
      return message;
  }
}
