import { Buffer } from 'node:buffer';
import { createGunzip, createInflate } from 'node:zlib';
import { serverErrors } from '../errors/catalogue.js';

/**
 * Decompresses a message of at most `bytesMax` bytes; `hold` is told of each piece and ends it by
 * throwing. Rejects with ServingError, also for an encoding that is not known.
 */
export function decompress(
  message: Buffer,
  encoding: string,
  bytesMax: number,
  hold: (bytes: number) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = encoding === 'gzip' ? createGunzip() : encoding === 'deflate' ? createInflate() : null;
    if (stream === null) {
      reject(serverErrors.compressionUnknown(encoding));
      return;
    }
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
        if (size > bytesMax) throw serverErrors.decompressedTooLarge(bytesMax);
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
