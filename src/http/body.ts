import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { httpErrors, queueErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import type { Cancellation } from '../inference/request.js';

export interface BodyOptions {
  readonly bytesMax: number;
  /** What is thrown beyond it. */
  tooLarge(bytesMax: number): ServingError;
  /** Is told of memory before it is used, and ends the reading by throwing. */
  hold(bytes: number): void;
  /** Ends the reading, too: a server that stops waits for no bodies. */
  readonly stopping: Cancellation;
}

/**
 * Reads a request's body as it came. Rejects with ServingError, with what `hold` throws, and with
 * CANCELLED when the client goes before the end; what comes after an error is read past.
 */
export function readBody(request: IncomingMessage, options: BodyOptions): Promise<Buffer> {
  const { bytesMax, tooLarge, stopping } = options;
  const declared = declaredBytes(request);
  if (declared !== null && declared > bytesMax) {
    request.resume();
    return Promise.reject(tooLarge(bytesMax));
  }
  return new Promise((resolve, reject) => {
    const gathered = new GatheredBytes(declared, options.hold);
    const gather = (piece: Buffer): void => {
      try {
        if (gathered.length + piece.length > bytesMax) throw tooLarge(bytesMax);
        gathered.add(piece);
      } catch (error) {
        refuse(error);
      }
    };
    const refuse = (error: unknown): void => {
      request.off('data', gather);
      request.resume();
      reject(error);
    };
    const takeBack = stopping.onCancel(() => refuse(httpErrors.shuttingDown()));
    request.on('data', gather);
    request.once('end', () => {
      takeBack();
      try {
        resolve(gathered.take());
      } catch (error) {
        reject(error);
      }
    });
    request.once('close', () => {
      takeBack();
      if (!request.readableEnded) reject(queueErrors.cancelled());
    });
  });
}

/** Null where the length is not known before. */
function declaredBytes({ headers }: IncomingMessage): number | null {
  const text = headers['content-length'];
  return text === undefined || headers['transfer-encoding'] !== undefined ? null : Number(text);
}

/** So much of a declared length must have come before memory is taken for all of it. */
const TRUSTED_PART = 4;

/** Bytes that come in pieces, each of which is copied once at most. */
class GatheredBytes {
  readonly #declared: number | null;
  readonly #hold: (bytes: number) => void;
  #pieces: Buffer[] = [];
  #whole: Buffer | null = null;
  #length = 0;
  #held = 0;

  constructor(declared: number | null, hold: (bytes: number) => void) {
    this.#declared = declared;
    this.#hold = hold;
  }

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    if (this.#whole !== null) {
      piece.copy(this.#whole, this.#length);
      this.#length += piece.length;
      return;
    }
    this.#holdUpTo(this.#length + piece.length);
    this.#pieces.push(piece);
    this.#length += piece.length;
    const { length } = this;
    if (this.#declared !== null && length < this.#declared && length * TRUSTED_PART >= this.#declared) {
      this.#takeRoom(this.#declared);
    }
  }

  /** All of them; not to be called twice. */
  take(): Buffer {
    if (this.#whole !== null) return this.#whole;
    const [first] = this.#pieces;
    if (first === undefined) return Buffer.alloc(0);
    if (this.#pieces.length === 1) return first;
    this.#holdUpTo(2 * this.#length);
    return Buffer.concat(this.#pieces, this.#length);
  }

  #takeRoom(bytes: number): void {
    this.#holdUpTo(bytes);
    const whole = Buffer.allocUnsafeSlow(bytes);
    let offset = 0;
    for (const piece of this.#pieces) offset += piece.copy(whole, offset);
    this.#pieces = [];
    this.#whole = whole;
  }

  #holdUpTo(bytes: number): void {
    if (bytes <= this.#held) return;
    this.#hold(bytes - this.#held);
    this.#held = bytes;
  }
}
