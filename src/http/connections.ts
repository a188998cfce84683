import type { Socket } from 'node:net';

/** What a connection must know of an exchange of a request and its answer. */
export interface OpenExchange {
  /** Whether the client waits for us, and not we for the client. */
  readonly isWorking: boolean;
  /** The client has gone. */
  gone(): void;
}

/** The connections of a door and what is open on each. */
export class Connections {
  readonly #exchangesMax: number;
  readonly #open = new Map<Socket, Set<OpenExchange>>();

  /** @param exchangesMax requests that a client may send on one connection before the first is answered */
  constructor(exchangesMax: number) {
    this.#exchangesMax = exchangesMax;
  }

  /** False, and nothing is kept, where the client has gone or has sent one too many. */
  begin(socket: Socket, exchange: OpenExchange): boolean {
    if (socket.destroyed) return false;
    let exchanges = this.#open.get(socket);
    if (exchanges === undefined) {
      exchanges = new Set();
      this.#open.set(socket, exchanges);
      socket.once('close', () => this.#closed(socket));
    }
    if (exchanges.size >= this.#exchangesMax) return false;
    exchanges.add(exchange);
    return true;
  }

  end(socket: Socket, exchange: OpenExchange): void {
    this.#open.get(socket)?.delete(exchange);
  }

  isWorking(socket: Socket): boolean {
    for (const exchange of this.#open.get(socket) ?? []) if (exchange.isWorking) return true;
    return false;
  }

  #closed(socket: Socket): void {
    const exchanges = this.#open.get(socket) ?? [];
    this.#open.delete(socket);
    for (const exchange of exchanges) exchange.gone();
  }
}
