import { inputErrors, queueErrors } from '../errors/catalogue.js';
import { asAnswer } from '../errors/serving-error.js';
import type { InferRequest } from '../inference/request.js';
import { NO_PARAMETERS } from '../inference/request.js';
import type { InferResponse } from '../inference/response.js';
import { newTimings, type Timings } from '../inference/timings.js';
import type { Clock } from '../lib/clock.js';
import type { ServingModel } from '../lifecycle/serving-model.js';
import type { FailureReason, Job, JobResult } from '../scheduler/scheduler.js';
import type { SharedMemoryRegions } from '../shm/regions.js';
import type { Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { PictureDecoder } from '../worker/picture-decoder.js';
import type { CheckedInput, Pictures } from './check-inputs.js';
import { type CheckedRequest, checkRequest } from './check-request.js';
import { finishOutputs } from './finish.js';
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
    const checked = checkRequest(held === null ? request : await held.received(request), model);
    trace.rows = checked.rows;
    const tensors = await toTensors(context, model, request, checked);
    const outputs = await submit(context, model, request, checked, tensors, trace);
    const finished = finishOutputs(model.spec, checked.outputs, outputs);
    trace.response = {
      modelName: model.name,
      modelVersion: String(model.version),
      id: request.id,
      parameters: NO_PARAMETERS,
      outputs: held === null ? finished : await held.write(checked.outputs, finished),
    };
    return trace.response;
  } finally {
    held?.release();
  }
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
      settle(result: JobResult): void {
        const nowNs = clock.nowNs();
        if (result.kind === 'answered') {
          model.statistics.requestSucceeded(timings, checked.rows, nowNs, clock.wallMs());
          resolve(result.outputs);
        } else {
          if (isCounted(result.reason)) model.statistics.requestFailed(timings.received, nowNs);
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
