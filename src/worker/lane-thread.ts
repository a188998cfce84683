import type { Instance } from '../backend/backend.js';
import { importBackend } from '../backend/registry.js';
import { ServingError } from '../errors/serving-error.js';
import { invariant, unreachable } from '../lib/invariant.js';
import { PortSink } from './answer-port.js';
import type { InstanceId, LaneError, LaneReply, LaneRequest } from './messages.js';
import { lowerPriority } from './thread-priority.js';
import { packTensors } from './transfer.js';

/** Entry of a lane's thread: holds the instances and does what the serving thread asks, in that order. */

const instances = new Map<InstanceId, Instance>();
let lastTurn: Promise<unknown> = Promise.resolve();
/** Most of it is for the thread that owns the pool: imported for the first output that is handed over. */
const importPiscina = () => import('piscina');
let piscina: ReturnType<typeof importPiscina> | null = null;

/**
 * Answers one request; never rejects. Requests take turns, so that a run's marks don't count the one
 * before it.
 */
export default function handle(request: LaneRequest): Promise<unknown> {
  const reply = lastTurn.then(() => answer(request));
  // A stream lasts as long as its client reads: it begins in its turn and holds nobody else's up.
  if (request.kind !== 'stream') lastTurn = reply;
  return reply;
}

async function answer(request: LaneRequest): Promise<unknown> {
  try {
    return await withTransfer(await perform(request));
  } catch (error) {
    return failed(error);
  }
}

async function perform(request: LaneRequest): Promise<LaneReply> {
  switch (request.kind) {
    case 'load':
      return load(request);
    case 'run':
      return { kind: 'ran', result: await instanceOf(request.instance).run(request.batch) };
    case 'stream':
      return stream(request);
    case 'unload': {
      const instance = instanceOf(request.instance);
      instances.delete(request.instance);
      await instance.release();
      return { kind: 'unloaded' };
    }
    case 'tidy': {
      const { shrinkHeap } = await import('./shrink-heap.js');
      await shrinkHeap();
      return { kind: 'tidied' };
    }
    default:
      return unreachable(request);
  }
}

type LoadRequest = LaneRequest & { kind: 'load' };
type LoadReply = LaneReply & { kind: 'loaded' | 'failed' };

async function load(request: LoadRequest): Promise<LoadReply> {
  const lowered = request.lowPriority ? lowerPriority() : null;
  let reply: LoadReply;
  try {
    const backend = await importBackend(request.backend);
    const instance = await backend.load(request.options);
    instances.set(request.instance, instance);
    reply = { kind: 'loaded', description: instance.description, slowed: false };
  } catch (error) {
    reply = failed(error);
  }
  return lowered === null || lowered.restore() ? reply : { ...reply, slowed: true };
}

async function stream({
  instance: id,
  request,
  answers,
}: LaneRequest & { kind: 'stream' }): Promise<LaneReply> {
  const sink = new PortSink(answers);
  try {
    const instance = instanceOf(id);
    invariant(instance.stream !== undefined, `instance ${id} answers once`);
    return { kind: 'streamed', marks: await instance.stream(request, sink) };
  } finally {
    sink.close();
  }
}

function instanceOf(id: InstanceId): Instance {
  const instance = instances.get(id);
  invariant(instance !== undefined, `lane has no instance ${id}`);
  return instance;
}

async function withTransfer(reply: LaneReply): Promise<unknown> {
  if (reply.kind !== 'ran') return reply;
  const { tensors, transferList } = packTensors(reply.result.outputs);
  const packed: LaneReply = { kind: 'ran', result: { ...reply.result, outputs: tensors } };
  if (transferList.length === 0) return packed;
  piscina ??= importPiscina();
  const pool = await piscina;
  return pool.move({ [pool.transferableSymbol]: transferList, [pool.valueSymbol]: packed });
}

function failed(error: unknown): LoadReply {
  return { kind: 'failed', error: toLaneError(error), slowed: false };
}

function toLaneError(error: unknown): LaneError {
  return {
    code: error instanceof ServingError ? error.code : null,
    text: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? (error.stack ?? '') : '',
  };
}
