import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

interface OpenAnswer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The answers that each connection still waits for, which nothing must be written between. */
export class OpenAnswers {
  readonly #open = new WeakMap<Duplex, Set<OpenAnswer>>();
  readonly #ending = new WeakSet<Duplex>();

  add(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const answers = this.#open.get(socket) ?? new Set();
    this.#open.set(socket, answers);
    const answer = { request, response };
    answers.add(answer);
    response.once('close', () => {
      answers.delete(answer);
      if (this.#ending.has(socket) && !this.#waits(socket)) socket.end();
    });
  }

  /** Ends a connection behind the answers that it waits for; false when it waits for none. */
  endAfter(socket: Duplex): boolean {
    if (!this.#waits(socket)) return false;
    this.#ending.add(socket);
    return true;
  }

  /** A request that is not complete is not answered any more, unless that has begun. */
  #waits(socket: Duplex): boolean {
    for (const { request, response } of this.#open.get(socket) ?? []) {
      if (request.complete || response.headersSent) return true;
    }
    return false;
  }
}
