import { ServingError } from '../../errors/serving-error.js';
import { type Cancellation, NEVER_CANCELLED } from '../../inference/request.js';
import { systemClock } from '../../lib/clock.js';
import type { Datatype } from '../../tensor/datatype.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import type { AnswerSink, Instance, RunInputs, RunMarks, RunOutputs } from '../backend.js';

const ELEMENT_BYTES = 4;

/** Answers with one element of IN after the other. */
export class RepeatInstance implements Instance {
  readonly description = null;
  readonly #model: string;

  constructor(model: string) {
    this.#model = model;
  }

  /** For warm-ups: whose answers nobody wants. */
  async run(batch: RunInputs): Promise<RunOutputs> {
    const nobody: AnswerSink = { cancellation: NEVER_CANCELLED, answer: async () => {} };
    return { outputs: [], marks: await this.stream(batch, nobody) };
  }

  async stream({ inputs }: RunInputs, sink: AnswerSink): Promise<RunMarks> {
    const { cancellation } = sink;
    const start = systemClock.nowNs();
    const values = this.#elements(inputs, 'IN', 'INT32');
    const delaysMs = this.#elements(inputs, 'DELAY', 'UINT32');
    const [waitMs = 0] = this.#elements(inputs, 'WAIT', 'UINT32');
    if (values.length !== delaysMs.length) {
      throw new ServingError(
        'INVALID_ARGUMENT',
        `model '${this.#model}' needs as many elements of DELAY as of IN, got ${delaysMs.length} and ${values.length}`,
      );
    }
    const inputEnd = systemClock.nowNs();
    for (const [index, value] of values.entries()) {
      const answerStart = systemClock.nowNs();
      await pause(delaysMs[index] as number, cancellation);
      if (cancellation.cancelled) break;
      const outputStart = systemClock.nowNs();
      const outputs = [anElement('OUT', 'INT32', value), anElement('IDX', 'UINT32', index)];
      await sink.answer({ outputs, marks: { start: answerStart, outputStart, end: systemClock.nowNs() } });
    }
    await pause(waitMs, cancellation);
    const end = systemClock.nowNs();
    return { start, inputEnd, outputStart: end, end };
  }

  async release(): Promise<void> {}

  #elements(inputs: readonly NamedTensor[], name: string, datatype: 'INT32' | 'UINT32'): readonly number[] {
    const input = inputs.find((candidate) => candidate.name === name);
    if (input?.datatype !== datatype) {
      throw new ServingError(
        'INTERNAL',
        `repeat model '${this.#model}' needs an input ${name} of ${datatype}`,
      );
    }
    const { data } = input;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Array.from({ length: data.byteLength / ELEMENT_BYTES }, (_, index) => {
      const offset = index * ELEMENT_BYTES;
      return datatype === 'INT32' ? view.getInt32(offset, true) : view.getUint32(offset, true);
    });
  }
}

function anElement(name: string, datatype: Datatype, value: number): NamedTensor {
  const data = new Uint8Array(ELEMENT_BYTES);
  new DataView(data.buffer).setUint32(0, value, true);
  return { name, datatype, shape: [1], data };
}

/** Resolves after `ms`, or at the cancellation. */
async function pause(ms: number, cancellation: Cancellation): Promise<void> {
  if (ms === 0 || cancellation.cancelled) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      timer.cancel();
      takeBack();
      resolve();
    };
    const timer = systemClock.setTimer(ms * 1e6, end);
    const takeBack = cancellation.onCancel(end);
  });
}
