import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Server, type ServerCredentials } from '@grpc/grpc-js';
import { invariant } from '../lib/invariant.js';
import { LIMITS } from '../settings/limits.js';
import type { GrpcSettings } from '../settings/settings.js';
import { repairTimeout } from './timeout-header.js';

/** The parts of grpc-js's Server that are private in its types; test/grpc/tuned-server.test.ts guards them. */
interface ServerInternals {
  commonServerOptions: { settings?: Record<string, number> };
  createHttp2Server(credentials: ServerCredentials): Http2Server;
}

/** How long connections live. */
export type ConnectionSettings = Pick<
  GrpcSettings,
  'keepaliveMs' | 'keepaliveTimeoutMs' | 'connectionAgeMs' | 'connectionAgeGraceMs'
>;

/** grpc-js knows no Infinity: an option that is not there has no end. */
function finite(option: string, ms: number): Record<string, number> {
  return Number.isFinite(ms) ? { [option]: ms } : {};
}

/**
 * A grpc-js server with windows wide enough for tensors (grpc-js leaves HTTP/2's 64 KiB, by which
 * throughput is a third on one machine and a thirtieth over a network), large messages and long
 * deadlines. It knows its connections, so that the last ones can be cut.
 */
export class TunedServer {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  /**
   * `onStream` sees every stream before grpc-js does, and may change its headers; `onError` is told of
   * connections that could not be accepted.
   */
  constructor(
    connections: ConnectionSettings,
    onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
    onError: (error: Error) => void,
  ) {
    this.server = new Server({
      'grpc.max_receive_message_length': LIMITS.messageBytesMax,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': LIMITS.streamsPerConnectionMax,
      'grpc.keepalive_time_ms': connections.keepaliveMs,
      'grpc.keepalive_timeout_ms': connections.keepaliveTimeoutMs,
      ...finite('grpc.max_connection_age_ms', connections.connectionAgeMs),
      ...finite('grpc.max_connection_age_grace_ms', connections.connectionAgeGraceMs),
      'grpc.enable_channelz': 0,
    });
    const internals = this.server as unknown as ServerInternals;
    const create = internals.createHttp2Server;
    invariant(
      typeof create === 'function' && typeof internals.commonServerOptions === 'object',
      'grpc-js is the release whose server is known here',
    );
    internals.commonServerOptions.settings = {
      ...internals.commonServerOptions.settings,
      initialWindowSize: LIMITS.streamWindowBytes,
    };
    internals.createHttp2Server = (credentials) => {
      const http2Server = create.call(this.server, credentials);
      http2Server.maxConnections = LIMITS.grpcConnectionsMax;
      // grpc-js listens to errors until the port is open; one that nobody listens to ends the process.
      http2Server.once('listening', () => http2Server.on('error', onError));
      http2Server.prependListener('connection', (socket: Socket) => this.#connected(socket));
      http2Server.prependListener('session', (session: ServerHttp2Session) => {
        session.setLocalWindowSize(LIMITS.connectionWindowBytes);
      });
      http2Server.prependListener('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        repairTimeout(headers);
        onStream(stream, headers);
      });
      return http2Server;
    };
  }

  /** Ends all connections at once, calls in flight included. */
  cut(): void {
    this.server.forceShutdown();
    // Ending a session waits for its peer, which may have vanished.
    for (const socket of this.#sockets) socket.destroy();
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
