import { Buffer } from 'node:buffer';
import { createGunzip, createInflate } from 'node:zlib';
import { serverErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';

/** What can be decompressed. */
export type Compression = 'gzip' | 'deflate';

export function isCompression(encoding: string): encoding is Compression {
  return encoding === 'gzip' || encoding === 'deflate';
}

/** Messages in the making are bounded by `bytesMax`. */
export interface DecompressOptions {
  readonly bytesMax: number;
  /** What is thrown beyond it. */
  tooLarge(bytesMax: number): ServingError;
  /** Is told of each piece and ends it by throwing. */
  hold(bytes: number): void;
}

/** Decompresses a message on a thread of its own. Rejects with ServingError, or with what `hold` throws. */
export function decompress(
  message: Buffer,
  encoding: Compression,
  { bytesMax, tooLarge, hold }: DecompressOptions,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = encoding === 'gzip' ? createGunzip() : createInflate();
    const pieces: Buffer[] = [];
    let size = 0;
    const refuse = (error: unknown): void => {
      stream.destroy();
      pieces.length = 0;
      reject(error);
    };
    stream.on('data', (piece: Buffer) => {
      size += piece.length;
      try {
        if (size > bytesMax) throw tooLarge(bytesMax);
        hold(piece.length);
        pieces.push(piece);
      } catch (error) {
        refuse(error);
      }
    });
    stream.on('error', () => refuse(serverErrors.malformedMessage('it can not be decompressed')));
    stream.on('end', () => resolve(Buffer.concat(pieces, size)));
    stream.end(message);
  });
}
