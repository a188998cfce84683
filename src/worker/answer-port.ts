import type { MessagePort } from 'node:worker_threads';
import type { Answer, AnswerSink } from '../backend/backend.js';
import { Canceller } from '../inference/request.js';
import type { AnswerSignal, LaneAnswer } from './messages.js';
import { packTensors } from './transfer.js';

/** The lane's end of a port: hands answers over one by one, each once the one before was acknowledged. */
export class PortSink implements AnswerSink {
  readonly cancellation = new Canceller();
  readonly #port: MessagePort;
  #acknowledged: () => void = () => {};

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (signal: AnswerSignal) => {
      if (signal === 'stop') this.cancellation.cancel();
      this.#acknowledged();
    });
  }

  async answer({ outputs, marks }: Answer): Promise<void> {
    if (this.cancellation.cancelled) return;
    const { tensors, transferList } = packTensors(outputs);
    const acknowledged = new Promise<void>((resolve) => {
      this.#acknowledged = resolve;
    });
    const message: LaneAnswer = { outputs: tensors, marks };
    this.#port.postMessage(message, transferList);
    await acknowledged;
  }

  close(): void {
    this.#port.close();
  }
}

/** The serving thread's end: gives each answer to `sink` and acknowledges it when that has taken it. */
export class AnswerRelay {
  readonly #port: MessagePort;
  readonly #sink: AnswerSink;
  readonly #unsubscribe: () => void;
  /** What the sink could not take; nothing more is given to it. */
  failure: { readonly error: unknown } | null = null;

  constructor(port: MessagePort, sink: AnswerSink) {
    this.#port = port;
    this.#sink = sink;
    port.on('message', (answer: LaneAnswer) => void this.#pass(answer));
    this.#unsubscribe = sink.cancellation.onCancel(() => this.#signal('stop'));
  }

  close(): void {
    this.#unsubscribe();
    this.#port.close();
  }

  /** Never rejects. */
  async #pass(answer: LaneAnswer): Promise<void> {
    if (this.failure !== null || this.#sink.cancellation.cancelled) return;
    try {
      await this.#sink.answer(answer);
      this.#signal('next');
    } catch (error) {
      this.failure = { error };
      this.#signal('stop');
    }
  }

  #signal(signal: AnswerSignal): void {
    this.#port.postMessage(signal);
  }
}
