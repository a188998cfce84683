import type { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';
import { createDeflate, createGzip } from 'node:zlib';
import { type Compression, isCompression } from '../service/decompress.js';

/** How a request's body is compressed: null when it is not, `unknown` when nobody here can tell. */
export function requestCompression(contentEncoding: string | undefined): Compression | 'unknown' | null {
  const encoding = (contentEncoding ?? '').trim().toLowerCase();
  if (encoding === '' || encoding === 'identity') return null;
  return isCompression(encoding) ? encoding : 'unknown';
}

/** Whether a body with these headers can be read; of what is done to it on its way node undoes chunks alone. */
export function isReadable(headers: IncomingHttpHeaders): boolean {
  const transfer = headers['transfer-encoding'];
  if (transfer !== undefined && transfer.trim().toLowerCase() !== 'chunked') return false;
  return requestCompression(headers['content-encoding']) !== 'unknown';
}

/**
 * How the answer to a client is compressed that accepts what `acceptEncoding` says: by what it likes
 * best, and by the first of those, as Triton does.
 */
export function answerCompression(acceptEncoding: string | undefined): Compression | null {
  if (acceptEncoding === undefined) return null;
  let best: { readonly encoding: string; readonly quality: number } | null = null;
  for (const item of acceptEncoding.split(',')) {
    const [name = '', ...parameters] = item.split(';');
    const encoding = name.trim().toLowerCase();
    if (encoding !== 'identity' && !isCompression(encoding)) continue;
    const quality = qualityOf(parameters);
    if (quality > (best?.quality ?? 0)) best = { encoding, quality };
  }
  return best !== null && isCompression(best.encoding) ? best.encoding : null;
}

function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const value = /^\s*q\s*=\s*(\S+)\s*$/i.exec(parameter)?.[1];
    if (value !== undefined) return Number(value) || 0;
  }
  return 1;
}

/** Compresses pieces, one after the other, on a thread of its own. */
export function compress(pieces: readonly Uint8Array[], encoding: Compression): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const stream = encoding === 'gzip' ? createGzip() : createDeflate();
    const compressed: Buffer[] = [];
    stream.on('data', (piece: Buffer) => compressed.push(piece));
    stream.on('error', reject);
    stream.on('end', () => resolve(compressed));
    for (const piece of pieces) stream.write(piece);
    stream.end();
  });
}
