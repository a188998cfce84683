import { fileURLToPath } from 'node:url';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { Log } from '../../telemetry/log.js';
import { TaskThreads } from '../../worker/task-threads.js';
import type { JsonThreads } from './json-converter.js';
import type { JsonResult, JsonResults, JsonTask } from './json-task.js';

const JSON_THREAD = fileURLToPath(new URL('./json-thread.js', import.meta.url));

export interface JsonPoolOptions {
  readonly threads: number;
  readonly log: Log;
  /** Absolute path of the threads' entry; given by tests only. */
  readonly entry?: string;
}

/**
 * Threads that read and write JSON, started by the first large text. What waits for them is bounded by the
 * door: it belongs to requests whose bodies are counted.
 */
export class JsonPool implements JsonThreads {
  readonly #threads: TaskThreads<JsonTask, JsonResult>;

  constructor({ threads, log, entry = JSON_THREAD }: JsonPoolOptions) {
    this.#threads = new TaskThreads({
      threads,
      log,
      entry,
      name: 'JSON thread',
      threadLost: httpInferenceErrors.jsonThreadLost,
    });
  }

  async run<K extends JsonTask['kind']>(task: JsonTask & { readonly kind: K }): Promise<JsonResults[K]> {
    this.#threads.checkOpen();
    const [given, bytes] = withOwnBuffer(task);
    // A thread answers each kind of task with its kind of result.
    return (await this.#threads.run(given, [bytes.buffer as ArrayBuffer])) as JsonResults[K];
  }

  /** Waits for what is being converted, then ends the threads. */
  close(): Promise<void> {
    return this.#threads.close();
  }
}

/** The task with bytes that can be handed over: its own where nothing else is in their ArrayBuffer. */
function withOwnBuffer(task: JsonTask): readonly [task: JsonTask, bytes: Uint8Array] {
  const given = task.kind === 'write' ? task.data : task.bytes;
  const isAlone = given.byteLength === given.buffer.byteLength;
  // Of a Buffer, slice() would be no copy.
  const bytes = isAlone ? new Uint8Array(given.buffer) : new Uint8Array(given);
  return [task.kind === 'write' ? { ...task, data: bytes } : { ...task, bytes }, bytes];
}
