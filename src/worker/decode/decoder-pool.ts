import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { decodeErrors, serverErrors } from '../../errors/catalogue.js';
import { decodedBytesOf, type ImageSpec } from '../../model-config/image-spec.js';
import { LIMITS } from '../../settings/limits.js';
import type { Log } from '../../telemetry/log.js';
import type { DecodedPictures, PictureDecoder } from '../picture-decoder.js';
import { Assembly } from './assembly.js';
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
  /** Of the requests that are being decoded. */
  #pictures = 0;
  #encodedBytes = 0;
  #decodedBytes = 0;
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
    const encodedBytes = sum(sizes);
    const rowBytes = decodedBytesOf(spec);
    const decodedBytes = sizes.length * rowBytes;
    this.#admit(sizes.length, encodedBytes, decodedBytes);
    this.#pictures += sizes.length;
    this.#encodedBytes += encodedBytes;
    this.#decodedBytes += decodedBytes;
    try {
      return await this.#decodeSlices(spec, pictures, slicesOf(sizes, rowBytes, this.#threads));
    } finally {
      this.#pictures -= sizes.length;
      this.#encodedBytes -= encodedBytes;
      this.#decodedBytes -= decodedBytes;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const pool = this.#pool;
    this.#pool = null;
    await pool?.destroy();
  }

  /** A request is never too large for an idle decoder: the service bounds what a single one may hold. */
  #admit(pictures: number, encodedBytes: number, decodedBytes: number): void {
    const { decodingPicturesMax, decodingBytesMax, decodedBytesMax } = LIMITS;
    const full =
      this.#pictures + pictures > decodingPicturesMax ||
      this.#encodedBytes + encodedBytes > decodingBytesMax ||
      this.#decodedBytes + decodedBytes > decodedBytesMax;
    if (full && this.#pictures > 0)
      throw decodeErrors.full(decodingPicturesMax, decodingBytesMax, decodedBytesMax);
  }

  /** Settles when all slices have: until then their pictures and rows are in memory. */
  async #decodeSlices(
    spec: ImageSpec,
    pictures: readonly Uint8Array[],
    slices: readonly Slice[],
  ): Promise<DecodedPictures> {
    const assembly = new Assembly(pictures.length * decodedBytesOf(spec));
    const running = slices.map(async (slice) => {
      const reply = await this.#run(taskOf(spec, pictures, slice));
      assembly.add(slice.start, slice.start * decodedBytesOf(spec), reply);
    });
    for (const settled of await Promise.allSettled(running)) {
      if (settled.status === 'rejected') throw settled.reason;
    }
    return assembly.finish();
  }

  /** Rejects with ServingError INTERNAL. */
  #run(task: DecodeTask): Promise<DecodeReply> {
    this.#pool ??= this.#start();
    const reply = this.#pool
      .run(task, { transferList: [task.bytes.buffer as ArrayBuffer] })
      .catch((error: unknown) => {
        this.#log.error({ err: error }, 'a decode thread failed');
        throw decodeErrors.threadLost();
      })
      .finally(() => this.#running.delete(reply));
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

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
