import { inputErrors, queueErrors } from '../errors/catalogue.js';
import { asAnswer } from '../errors/serving-error.js';
import type { InferRequest } from '../inference/request.js';
import { NO_PARAMETERS } from '../inference/request.js';
import type { EmitResponse, InferResponse } from '../inference/response.js';
import { newTimings, type Timings } from '../inference/timings.js';
import type { Clock } from '../lib/clock.js';
import type { ServingModel } from '../lifecycle/serving-model.js';
import type { FailureReason, Job, JobAnswers, JobResult } from '../scheduler/scheduler.js';
import type { SharedMemoryRegions } from '../shm/regions.js';
import type { Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { PictureDecoder } from '../worker/picture-decoder.js';
import type { CheckedInput, Pictures } from './check-inputs.js';
import { type CheckedRequest, checkRequest } from './check-request.js';
import { finishOutputs } from './finish.js';
import { ResponseCounter } from './response-counter.js';
import { holdRegions } from './shared-memory-request.js';

/** What a request passes through besides its model. */
export interface InferContext {
  readonly clock: Clock;
  readonly pictures: PictureDecoder;
  /** Null where clients may not use shared memory. */
  readonly sharedMemory: SharedMemoryRegions | null;
}

/** What became known of a request on its way, also when it failed: for statistics and the access log. */
export interface InferTrace {
  readonly timings: Timings;
  rows: number;
  /** The last answer; null when there was none. */
  response: InferResponse | null;
}

export function newTrace(request: InferRequest): InferTrace {
  return { timings: newTimings(request.receivedNs), rows: 0, response: null };
}

/**
 * A request's walk through a model it has leased: read shared memory, check, decode pictures, queue and
 * run, finish.
 * Throws ServingError.
 */
export async function infer(
  context: InferContext,
  model: ServingModel,
  request: InferRequest,
  trace: InferTrace,
): Promise<InferResponse> {
  const held = holdRegions(context.sharedMemory, request);
  try {
    const { checked, tensors } = await prepare(context, model, request, trace, held);
    const outputs = await submit(context, model, request, checked, tensors, trace);
    return await finish(model, request, checked, outputs, trace, held);
  } finally {
    held?.release();
  }
}

/** {@link infer} through a model that gives several answers; `emit` has taken all when this resolves. */
export async function inferStream(
  context: InferContext,
  model: ServingModel,
  request: InferRequest,
  trace: InferTrace,
  emit: EmitResponse,
): Promise<void> {
  const held = holdRegions(context.sharedMemory, request);
  const counter = new ResponseCounter(model.statistics);
  try {
    const { checked, tensors } = await prepare(context, model, request, trace, held);
    const answers: JobAnswers = {
      async answer(outputs, marks) {
        if (request.cancellation.cancelled) return;
        const response = await finish(model, request, checked, outputs, trace, held);
        if (!counter.hasAnswered) model.statistics.firstResponded(request.receivedNs, context.clock.nowNs());
        counter.answered(marks);
        await emit({ response, isFinal: false });
      },
    };
    await submit(context, model, request, checked, tensors, trace, { answers, counter });
    await emit({ response: null, isFinal: true });
  } finally {
    held?.release();
  }
}

type HeldRegions = ReturnType<typeof holdRegions>;

/** A request that fits its model, ready to be queued. */
interface Prepared {
  readonly checked: CheckedRequest;
  readonly tensors: readonly NamedTensor[];
}

async function prepare(
  context: InferContext,
  model: ServingModel,
  request: InferRequest,
  trace: InferTrace,
  held: HeldRegions,
): Promise<Prepared> {
  const checked = checkRequest(held === null ? request : await held.received(request), model);
  trace.rows = checked.rows;
  return { checked, tensors: await toTensors(context, model, request, checked) };
}

/** The answer that a backend's outputs make. */
async function finish(
  model: ServingModel,
  request: InferRequest,
  checked: CheckedRequest,
  outputs: readonly NamedTensor[],
  trace: InferTrace,
  held: HeldRegions,
): Promise<InferResponse> {
  const finished = finishOutputs(model.spec, checked.outputs, outputs);
  const response: InferResponse = {
    modelName: model.name,
    modelVersion: String(model.version),
    id: request.id,
    parameters: NO_PARAMETERS,
    outputs: held === null ? finished : await held.write(checked.outputs, finished),
  };
  trace.response = response;
  return response;
}

function isTensor(input: CheckedInput): input is Extract<CheckedInput, { kind: 'tensor' }> {
  return input.kind === 'tensor';
}

/** The inputs as tensors; pictures are decoded off this thread. */
async function toTensors(
  context: InferContext,
  model: ServingModel,
  request: InferRequest,
  checked: CheckedRequest,
): Promise<readonly NamedTensor[]> {
  if (checked.inputs.every(isTensor)) return checked.inputs.map(({ tensor }) => tensor);
  const tensors = await Promise.all(
    checked.inputs.map((input) =>
      input.kind === 'tensor' ? input.tensor : decode(context, model, checked.prefix, input.pictures),
    ),
  );
  if (request.cancellation.cancelled) throw queueErrors.cancelled();
  return tensors;
}

async function decode(
  context: InferContext,
  model: ServingModel,
  prefix: string,
  { input, encoded }: Pictures,
): Promise<NamedTensor> {
  const { image } = input;
  if (image === null) throw new TypeError(`input '${input.name}' takes no pictures`);
  const decoded = await context.pictures.decode(image, encoded);
  if (decoded.kind === 'refused') {
    const { index, reason } = decoded.problem;
    throw inputErrors.picture(prefix, model.name, input.name, index, reason);
  }
  const { channels, height, width } = image;
  const shape: Shape =
    image.layout === 'NHWC'
      ? [encoded.length, height, width, channels]
      : [encoded.length, channels, height, width];
  return { name: input.name, datatype: input.datatype, shape, data: decoded.data, owned: true };
}

/** Hands a request to its model's scheduler and waits for the answer, counting both outcomes. */
function submit(
  { clock }: InferContext,
  model: ServingModel,
  request: InferRequest,
  checked: CheckedRequest,
  inputs: readonly NamedTensor[],
  { timings }: InferTrace,
  stream?: { readonly answers: JobAnswers; readonly counter: ResponseCounter },
): Promise<readonly NamedTensor[]> {
  return new Promise((resolve, reject) => {
    const job: Job = {
      prefix: checked.prefix,
      inputs,
      rows: checked.rows,
      outputs: checked.outputs.map(({ name }) => name),
      priority: request.options.priority,
      timeoutUs: request.options.timeoutUs,
      deadlineNs: request.deadlineNs,
      cancellation: request.cancellation,
      timings,
      ...(stream !== undefined && { answers: stream.answers }),
      settle(result: JobResult): void {
        const nowNs = clock.nowNs();
        stream?.counter.settled(result, timings, nowNs);
        if (result.kind === 'answered') {
          model.statistics.requestSucceeded(timings, checked.rows, nowNs);
          if (stream === undefined) model.statistics.firstResponded(timings.received, nowNs);
          resolve(result.outputs);
        } else {
          if (isCounted(result.reason))
            model.statistics.requestFailed(timings.received, nowNs, result.reason);
          reject(result.reason === 'OTHER' ? result.error : asAnswer(result.error));
        }
      },
    };
    model.scheduler.submit(job);
  });
}

/** Triton leaves requests that never entered the queue out of its statistics. */
function isCounted(reason: FailureReason): boolean {
  return reason !== 'OTHER';
}
