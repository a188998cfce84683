import { fileURLToPath } from 'node:url';
import { decodeErrors } from '../../errors/catalogue.js';
import { decodedBytesOf, type ImageSpec } from '../../model-config/image-spec.js';
import { LIMITS } from '../../settings/limits.js';
import type { Log } from '../../telemetry/log.js';
import type { DecodedPictures, PictureDecoder } from '../picture-decoder.js';
import { TaskThreads } from '../task-threads.js';
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
  readonly #slicesMax: number;
  readonly #threads: TaskThreads<DecodeTask, DecodeReply>;
  /** Of the requests that are being decoded. */
  #pictures = 0;
  #encodedBytes = 0;
  #decodedBytes = 0;

  constructor({ threads, log, entry = DECODE_THREAD }: DecoderOptions) {
    this.#slicesMax = threads;
    this.#threads = new TaskThreads({
      threads,
      log,
      entry,
      name: 'decode thread',
      threadLost: decodeErrors.threadLost,
    });
  }

  async decode(spec: ImageSpec, pictures: readonly Uint8Array[]): Promise<DecodedPictures> {
    this.#threads.checkOpen();
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
      return await this.#decodeSlices(spec, pictures, slicesOf(sizes, rowBytes, this.#slicesMax));
    } finally {
      this.#pictures -= sizes.length;
      this.#encodedBytes -= encodedBytes;
      this.#decodedBytes -= decodedBytes;
    }
  }

  close(): Promise<void> {
    return this.#threads.close();
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
      const task = taskOf(spec, pictures, slice);
      const reply = await this.#threads.run(task, [task.bytes.buffer as ArrayBuffer]);
      assembly.add(slice.start, slice.start * decodedBytesOf(spec), reply);
    });
    for (const settled of await Promise.allSettled(running)) {
      if (settled.status === 'rejected') throw settled.reason;
    }
    return assembly.finish();
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
