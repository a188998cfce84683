import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { decodeErrors, serverErrors } from '../../errors/catalogue.js';
import type { ImageSpec } from '../../model-config/image-spec.js';
import { LIMITS } from '../../settings/limits.js';
import type { Log } from '../../telemetry/log.js';
import type { DecodedPictures, PictureDecoder } from '../picture-decoder.js';
import type { DecodeReply, DecodeTask } from './decode-message.js';
import { refusalOfBytes } from './refusals.js';
import { type Slice, slicesOf } from './slices.js';

const DECODE_THREAD = fileURLToPath(new URL('./decode-thread.js', import.meta.url));

export interface DecoderOptions {
  /** Decode threads, and pictures that are decoded at the same time. */
  readonly threads: number;
  readonly log: Log;
  /** Absolute path of the threads' entry; given by tests only. */
  readonly entry?: string;
}

/**
 * A decoder with threads of its own, which start with the first picture. A thread that dies takes the
 * requests it was working on along; the next ones find a new thread.
 *
 * Measured with 640 x 480 JPEGs to 224 x 224 on 2 processors: 1 thread 132 pictures/s, 2 threads 244,
 * while a second picture in each thread (271) or a second libvips thread for each picture (245) gain
 * little and take twice the share from a busy lane. The pixels are worked on in libuv's pool, of 4
 * threads unless UV_THREADPOOL_SIZE says otherwise, which bounds what more threads here can do.
 */
export function createPictureDecoder(options: DecoderOptions): PictureDecoder {
  return new DecoderPool(options);
}

class DecoderPool implements PictureDecoder {
  readonly #threads: number;
  readonly #log: Log;
  readonly #entry: string;
  /** null until the first picture, and after all threads were lost. */
  #pool: Piscina<DecodeTask, DecodeReply> | null = null;
  readonly #running = new Set<Promise<DecodeReply>>();
  #pictures = 0;
  #bytes = 0;
  #closed = false;

  constructor({ threads, log, entry = DECODE_THREAD }: DecoderOptions) {
    this.#threads = threads;
    this.#log = log;
    this.#entry = entry;
  }

  async decode(spec: ImageSpec, pictures: readonly Uint8Array[]): Promise<DecodedPictures> {
    if (this.#closed) throw serverErrors.exiting();
    for (const [index, picture] of pictures.entries()) {
      const reason = refusalOfBytes(spec, picture);
      if (reason !== null) return { kind: 'refused', problem: { index, reason } };
    }
    const sizes = pictures.map(({ byteLength }) => byteLength);
    this.#admit(sizes);
    const slices = slicesOf(sizes, this.#threads);
    const replies = await Promise.all(slices.map((slice) => this.#run(taskOf(spec, pictures, slice))));
    return join(slices, replies);
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const pool = this.#pool;
    this.#pool = null;
    await pool?.destroy();
  }

  /** A request is never too large for an idle decoder. */
  #admit(sizes: readonly number[]): void {
    const bytes = sum(sizes);
    const { decodingPicturesMax, decodingBytesMax } = LIMITS;
    const full =
      this.#pictures + sizes.length > decodingPicturesMax || this.#bytes + bytes > decodingBytesMax;
    if (full && this.#pictures > 0) throw decodeErrors.full(decodingPicturesMax, decodingBytesMax);
  }

  /** Rejects with ServingError INTERNAL. */
  #run(task: DecodeTask): Promise<DecodeReply> {
    const pictures = task.sizes.length;
    const bytes = task.bytes.byteLength;
    this.#pictures += pictures;
    this.#bytes += bytes;
    this.#pool ??= this.#start();
    const reply = this.#pool
      .run(task, { transferList: [task.bytes.buffer as ArrayBuffer] })
      .catch((error: unknown) => {
        this.#log.error({ err: error }, 'a decode thread failed');
        throw decodeErrors.threadLost();
      })
      .finally(() => {
        this.#pictures -= pictures;
        this.#bytes -= bytes;
        this.#running.delete(reply);
      });
    this.#running.add(reply);
    return reply;
  }

  #start(): Piscina<DecodeTask, DecodeReply> {
    const pool = new Piscina<DecodeTask, DecodeReply>({
      filename: this.#entry,
      // A minimum, so that piscina replaces a thread that died even when nothing new comes to be decoded.
      minThreads: this.#threads,
      maxThreads: this.#threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Without it a task that finds all threads busy is put behind those that came later.
      stricterFIFO: true,
      recordTiming: false,
      atomics: 'disabled',
    });
    // Emitted when a thread dies with nothing to do; without a listener it would end the process.
    pool.on('error', (error: unknown) => this.#log.error({ err: error }, 'an idle decode thread failed'));
    pool.on('workerDestroy', () => queueMicrotask(() => this.#dropIfEmpty(pool)));
    this.#log.debug({ threads: this.#threads }, 'decode threads started');
    return pool;
  }

  /** piscina gives up threads that die while they start, and would keep what waits for them for ever. */
  #dropIfEmpty(pool: Piscina<DecodeTask, DecodeReply>): void {
    if (this.#pool !== pool || pool.threads.length > 0) return;
    this.#pool = null;
    // Rejects what waits.
    void pool.destroy();
  }
}

/** Copies the slice's pictures into a buffer that can be handed to a thread. */
function taskOf(spec: ImageSpec, pictures: readonly Uint8Array[], { start, end }: Slice): DecodeTask {
  const chosen = pictures.slice(start, end);
  const sizes = chosen.map(({ byteLength }) => byteLength);
  const bytes = new Uint8Array(sum(sizes));
  let offset = 0;
  for (const picture of chosen) {
    bytes.set(picture, offset);
    offset += picture.byteLength;
  }
  return { spec, bytes, sizes };
}

/** The slices' tensors as one; where several were refused, the first picture is named. */
function join(slices: readonly Slice[], replies: readonly DecodeReply[]): DecodedPictures {
  const parts: Uint8Array[] = [];
  for (const [at, reply] of replies.entries()) {
    if (reply.kind === 'refused') {
      const { index, reason } = reply.problem;
      return { kind: 'refused', problem: { index: (slices[at]?.start ?? 0) + index, reason } };
    }
    parts.push(reply.data);
  }
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return { kind: 'decoded', data: only };
  const data = new Uint8Array(sum(parts.map(({ byteLength }) => byteLength)));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.byteLength;
  }
  return { kind: 'decoded', data };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
