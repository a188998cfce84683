import { type FileHandle, open } from 'node:fs/promises';
import type { Log } from '../log.js';
import type { TracedRequest, TraceSink } from './traced-request.js';
import { toTritonRecords } from './triton-records.js';

/** Characters of traces that wait for the disk; further traces are lost and counted. */
const BACKLOG_CHARS_MAX = 16 << 20;

/** The end of the array, over which the next trace is written: the file is JSON at any time. */
const END = ']';

interface OpenFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** Where {@link END} stands. */
  end: number;
}

/**
 * Traces in Triton's JSON. With a log frequency of N, each N of them are a file of their own: `file.0`,
 * `file.1` and so on; else all are in one. An existing file is overwritten. Nothing waits for the disk.
 */
export class TraceFile implements TraceSink {
  readonly #path: string;
  readonly #log: Log;
  #frequency = 0;
  #inFile = 0;
  #files = 0;
  #file: OpenFile | null = null;
  #waiting: { readonly path: string; readonly text: string }[] = [];
  #chars = 0;
  #lost = 0;
  /** Where {@link END} stands in the file of all traces; others are never returned to. */
  #endOfAll = 0;
  #isFailing = false;
  #writing: Promise<void> | null = null;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Traces of one file from now on; 0 = all. */
  set frequency(traces: number) {
    if (traces === this.#frequency) return;
    this.#frequency = traces;
    if (this.#inFile > 0) this.#files++;
    this.#inFile = 0;
  }

  write(traced: TracedRequest): void {
    if (this.#path === '') return;
    if (this.#chars > BACKLOG_CHARS_MAX) {
      if (this.#lost++ === 0) this.#log.warn({ file: this.#path }, 'traces are lost, the disk is too slow');
      return;
    }
    const text = toTritonRecords(traced)
      .map((record) => JSON.stringify(record))
      .join(',');
    this.#waiting.push({ path: this.#nextPath(), text });
    this.#chars += text.length;
    this.#writing ??= this.#writeAll();
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#leave();
  }

  #nextPath(): string {
    if (this.#frequency === 0) return this.#path;
    if (this.#inFile === this.#frequency) {
      this.#inFile = 0;
      this.#files++;
    }
    this.#inFile++;
    return `${this.#path}.${this.#files}`;
  }

  async #writeAll(): Promise<void> {
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        const file = this.#file?.path === next.path ? this.#file : await this.#open(next.path);
        await append(file, this.#takeFor(next.path).join(','));
        this.#isFailing = false;
      }
    } catch (error) {
      // Each of the next traces may fail in the same way.
      if (!this.#isFailing) this.#log.warn({ err: error, file: this.#path }, 'traces could not be written');
      this.#isFailing = true;
      this.#waiting = [];
      this.#chars = 0;
    } finally {
      this.#writing = null;
    }
  }

  /** What waits for the file at `path`, up to the first that is for another one. */
  #takeFor(path: string): string[] {
    const other = this.#waiting.findIndex((entry) => entry.path !== path);
    const taken = this.#waiting.splice(0, other < 0 ? this.#waiting.length : other);
    const texts = taken.map(({ text }) => text);
    this.#chars -= texts.reduce((chars, { length }) => chars + length, 0);
    return texts;
  }

  async #open(path: string): Promise<OpenFile> {
    await this.#leave();
    const end = path === this.#path ? this.#endOfAll : 0;
    this.#file = (end === 0 ? null : await reopen(path, end)) ?? {
      path,
      handle: await open(path, 'w'),
      end: 0,
    };
    return this.#file;
  }

  async #leave(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file?.path === this.#path) this.#endOfAll = file.end;
    await file?.handle
      .close()
      .catch((error: unknown) => this.#log.warn({ err: error, file: file.path }, 'traces may be lost'));
  }
}

/** Null when the file has been taken away. */
async function reopen(path: string, end: number): Promise<OpenFile | null> {
  try {
    return { path, handle: await open(path, 'r+'), end };
  } catch {
    return null;
  }
}

async function append(file: OpenFile, records: string): Promise<void> {
  const bytes = Buffer.from(`${file.end === 0 ? '[' : ','}${records}${END}`);
  for (let done = 0; done < bytes.length; ) {
    done += (await file.handle.write(bytes, done, bytes.length - done, file.end + done)).bytesWritten;
  }
  file.end += bytes.length - END.length;
}
