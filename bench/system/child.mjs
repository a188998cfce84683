import { fork } from 'node:child_process';
import { once } from 'node:events';
import { onCores } from './cores.mjs';

/**
 * A process of the bench's own that answers each message with one message. It ends when its parent does.
 */
export class Child {
  /** @type {import('node:child_process').ChildProcess} */
  #process;
  /** @type {Promise<never>} */
  #death;

  /**
   * @param {URL} entry
   * @param {string | null} cores it may use; null = all
   */
  constructor(entry, cores) {
    const { command, args } = onCores(cores, process.execPath, []);
    this.#process = fork(entry, [], {
      execPath: command,
      execArgv: args,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#death = new Promise((_, reject) => {
      this.#process.once('exit', (code, signal) =>
        reject(new Error(`${entry.pathname} ended (${signal ?? code})`)),
      );
    });
    this.#death.catch(() => {});
  }

  get pid() {
    return this.#process.pid ?? 0;
  }

  /**
   * @param {Record<string, unknown>} message
   * @returns {Promise<any>} what the process answers; rejects with what it failed of
   */
  async ask(message) {
    const reply = once(this.#process, 'message');
    this.#process.send(message);
    const [answer] = await Promise.race([reply, this.#death]);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    await exit;
  }
}

/**
 * The other side: answers messages one after the other until the parent disconnects, then calls `close`.
 * @param {Record<string, (message: any) => unknown>} handlers by the message's `kind`
 * @param {() => unknown} close
 */
export function answerParent(handlers, close) {
  process.on('message', async (/** @type {any} */ message) => {
    try {
      const handler = handlers[message.kind];
      if (handler === undefined) throw new Error(`unknown message '${message.kind}'`);
      process.send?.({ value: (await handler(message)) ?? null });
    } catch (error) {
      process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', close);
}
