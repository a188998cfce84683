import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { type HttpDoor, type HttpDoorOptions, openHttpDoor } from '#naiad/http/door.js';
import type { Route } from '#naiad/http/route.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { testHttp } from '../support/door-settings.js';
import { MemoryService } from '../support/memory-service.js';
import { RecordedLog } from '../support/recorded-log.js';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  readonly json: unknown;
}

/** A door on a port of its own, with what is behind it. */
export class TestDoor {
  readonly service: MemoryService;
  readonly log: RecordedLog;
  readonly door: HttpDoor;

  private constructor(service: MemoryService, log: RecordedLog, door: HttpDoor) {
    this.service = service;
    this.log = log;
    this.door = door;
  }

  static async open(
    options: Partial<Omit<HttpDoorOptions, 'settings'>> & { readonly inputBytesMax?: number } = {},
  ): Promise<TestDoor> {
    const service = new MemoryService();
    const log = new RecordedLog();
    const { inputBytesMax = LIMITS.httpInputBytesMax, ...others } = options;
    const door = await openHttpDoor({
      service,
      log,
      settings: testHttp({ inputBytesMax }),
      ...others,
    });
    return new TestDoor(service, log, door);
  }

  get port(): number {
    return this.door.port;
  }

  ask(
    method: string,
    path: string,
    body: string | Uint8Array = '',
    options: RequestOptions = {},
  ): Promise<Reply> {
    return ask(this.port, method, path, body, options);
  }

  /** Sends bytes as they are, and reads until the server ends. */
  async talk(...pieces: readonly (string | Uint8Array)[]): Promise<string> {
    const socket = this.connect();
    for (const piece of pieces) socket.write(piece);
    return text(socket);
  }

  connect(): Socket {
    const socket = connect(this.port, '127.0.0.1');
    socket.on('error', () => {});
    return socket;
  }

  close(): Promise<void> {
    return this.door.close(0);
  }
}

/** Sends one request on a connection of its own. */
export async function ask(
  port: number,
  method: string,
  path: string,
  body: string | Uint8Array = '',
  options: RequestOptions = {},
): Promise<Reply> {
  const sent = request({ host: '127.0.0.1', port, method, path, agent: false, ...options });
  if (body.length > 0) sent.setHeader('Content-Length', Buffer.byteLength(body));
  sent.end(body);
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  const bytes = await buffer(reply);
  return {
    status: reply.statusCode ?? 0,
    headers: reply.headers,
    body: bytes,
    text: bytes.toString(),
    get json(): unknown {
      return JSON.parse(bytes.toString());
    },
  };
}

/** A route at `/test` that answers POST, as inference unless said otherwise. */
export function aRoute(answer: Route['answer'], overrides: Partial<Route> = {}): Route {
  return {
    pattern: /^\/test$/,
    methods: ['POST'],
    category: 'inference',
    contentType: 'application/json',
    answer,
    ...overrides,
  };
}

/** Counts what happens, for those who wait for it. */
export class Arrivals {
  #count = 0;
  #waiting: (() => void)[] = [];

  arrive(): void {
    this.#count++;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async reach(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** Answers with the body that came. */
export const ECHO: Route = aRoute(
  async (_context, request) => ({
    kind: 'whole',
    status: 200,
    contentType: 'application/octet-stream',
    body: [await request.body()],
  }),
  { compresses: true },
);
