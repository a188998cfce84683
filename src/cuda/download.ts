import { createHash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { MessageChannel } from 'node:worker_threads';
import { type Clock, sleep } from '../lib/clock.js';
import { type Credentials, headersFor } from './package-index.js';

/** What could not be fetched, and why. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

export interface Download {
  readonly url: string;
  /** Where it shall lie; while it comes it lies beside, with `.part` behind its name. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface DownloadOptions {
  readonly clock: Clock;
  readonly credentials?: Credentials | null;
  /** Called as bytes come; `total` is null where the server does not tell. */
  onProgress?(done: number, total: number | null): void;
  /** What went wrong and is tried again. */
  onRetry?(reason: string): void;
  /** Waits between two attempts, at most so many in a row without a byte gained. */
  readonly attemptsMax?: number;
  readonly firstWaitNs?: number;
  /** A server that sends nothing for so long is given up on. */
  readonly stallNs?: number;
}

const ATTEMPTS_MAX = 5;
const FIRST_WAIT_NS = 1e9;
const STALL_NS = 60e9;
/** More than any wheel of an index may have. */
const BYTES_MAX = 8e9;
const REQUEST_HEADERS = { 'accept-encoding': 'identity', 'user-agent': 'naiad' };

/**
 * Fetches a file, going on where an earlier attempt has stopped, also one of an earlier process. What lies at
 * `path` afterwards has the sha256 that was asked for. Throws {@link DownloadError}.
 */
export async function download(what: Download, options: DownloadOptions): Promise<void> {
  if (existsSync(what.path) && (await sha256Of(what.path)) === what.sha256) return;
  const part = `${what.path}.part`;
  const attemptsMax = options.attemptsMax ?? ATTEMPTS_MAX;
  let startedAnew = false;
  for (let attempt = 1; ; ) {
    const before = sizeOf(part);
    const reason = await attemptOnce(what.url, part, options);
    if (reason === '') {
      if ((await sha256Of(part)) === what.sha256) break;
      // What was continued may have begun as another file; what came in one piece is simply wrong.
      const wasWhole = before === 0 || startedAnew;
      rmSync(part, { force: true });
      if (wasWhole)
        throw new DownloadError(`${what.url} has another sha256 than the index tells; nothing of it is kept`);
      startedAnew = true;
      options.onRetry?.('what came has another sha256 than the index tells, starting anew');
      continue;
    }
    attempt = sizeOf(part) > before ? 1 : attempt + 1;
    if (attempt > attemptsMax) throw new DownloadError(`${what.url}: ${reason}`);
    options.onRetry?.(reason);
    await sleepAwake(options.clock, (options.firstWaitNs ?? FIRST_WAIT_NS) * 2 ** (attempt - 1));
  }
  renameSync(part, what.path);
}

/** Reads one page as text. Throws {@link DownloadError}. */
export async function fetchText(
  url: string,
  accept: string,
  options: {
    readonly clock: Clock;
    readonly bytesMax: number;
    readonly credentials?: Credentials | null;
  },
): Promise<{ readonly text: string; readonly contentType: string; readonly url: string }> {
  const stop = new AbortController();
  const stall = options.clock.setTimer(STALL_NS, () => stop.abort());
  try {
    const headers = { ...REQUEST_HEADERS, ...headersFor(url, options.credentials ?? null), accept };
    const response = await fetch(url, { headers, signal: stop.signal });
    if (!response.ok) throw new DownloadError(`${url}: ${statusText(response)}`);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > options.bytesMax) throw new DownloadError(`${url}: more than ${options.bytesMax} bytes`);
      chunks.push(chunk);
    }
    const contentType = response.headers.get('content-type') ?? '';
    return { text: Buffer.concat(chunks).toString('utf8'), contentType, url: response.url };
  } catch (error) {
    if (error instanceof DownloadError) throw error;
    const reason = stop.signal.aborted ? 'no answer' : reasonOf(error);
    throw new DownloadError(`${url}: ${reason}`, { cause: error });
  } finally {
    stall.cancel();
    stop.abort();
  }
}

/** The sha256 of a file as lower-case hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash: Hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Appends to `part` what is missing; '' when it is whole, else why it is not. Throws what can't be mended by trying again. */
async function attemptOnce(url: string, part: string, options: DownloadOptions): Promise<string> {
  const from = sizeOf(part);
  const stop = new AbortController();
  const stallNs = options.stallNs ?? STALL_NS;
  let stall = options.clock.setTimer(stallNs, () => stop.abort());
  let response: Response;
  try {
    const range = from > 0 ? { range: `bytes=${from}-` } : {};
    const headers = { ...REQUEST_HEADERS, ...headersFor(url, options.credentials ?? null), ...range };
    response = await fetch(url, { headers, signal: stop.signal });
  } catch (error) {
    stall.cancel();
    return stop.signal.aborted ? 'no answer' : reasonOf(error);
  }
  // Nothing is missing, or the part is longer than the file; the sha256 tells which.
  if (response.status === 416) {
    stall.cancel();
    await response.body?.cancel();
    return '';
  }
  if (!response.ok || response.body === null) {
    stall.cancel();
    await response.body?.cancel();
    if (response.status >= 500 || response.status === 429) return statusText(response);
    throw new DownloadError(`${url}: ${statusText(response)}`);
  }
  // A server without ranges sends all of it again.
  const start = response.status === 206 ? startOf(response, from) : 0;
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const total = Number.isFinite(length) ? start + length : null;
  if (total !== null && total > BYTES_MAX) throw new DownloadError(`${url}: larger than ${BYTES_MAX} bytes`);
  const file = await open(part, start === 0 ? 'w' : 'r+');
  let at = start;
  try {
    for await (const chunk of response.body) {
      stall.cancel();
      stall = options.clock.setTimer(stallNs, () => stop.abort());
      await file.write(chunk, 0, chunk.byteLength, at);
      at += chunk.byteLength;
      if (at > BYTES_MAX) throw new DownloadError(`${url}: larger than ${BYTES_MAX} bytes`);
      options.onProgress?.(at, total);
    }
  } catch (error) {
    if (error instanceof DownloadError || isDiskError(error)) throw error;
    return stop.signal.aborted ? 'nothing came any more' : reasonOf(error);
  } finally {
    stall.cancel();
    await file.close();
  }
  return total !== null && at < total ? 'the connection ended early' : '';
}

/** Where the server's bytes begin: not always where was asked for. */
function startOf(response: Response, from: number): number {
  const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? from);
  return start <= from ? start : 0;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function statusText({ status, statusText: text }: Response): string {
  return `status ${status}${text === '' ? '' : ` ${text}`}`;
}

function isDiskError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'write';
}

/** What fetch hides behind 'fetch failed'. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

/** As `sleep`, for a process that has nothing else to stay alive for. */
async function sleepAwake(clock: Clock, delayNs: number): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  port1.on('message', () => {});
  await sleep(clock, delayNs);
  port2.close();
  port1.close();
}
