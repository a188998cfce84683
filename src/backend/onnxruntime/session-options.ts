import type { InferenceSession } from 'onnxruntime-node';
import type { InstanceOptions } from '../backend.js';
import { readChoice, readCount, readFlag } from '../parameters.js';

const THREADS_MAX = 1024;
const ALLOW_SPINNING = 'session.intra_op.allow_spinning';
const INITIALISERS_BY_DEVICE = 'session.use_device_allocator_for_initializers';

/** ORT's level "fatal": what it reports reaches the caller as an error, its own lines would only repeat it. */
const LOG_SEVERITY_FATAL = 4;

/**
 * Session options of an instance, from the parameters that Triton's backend takes; keys that start with
 * `session.` are handed to ORT as they are. Throws an Error for the user.
 */
export function sessionOptions(options: InstanceOptions): InferenceSession.SessionOptions {
  const { parameters, device } = options;
  // Triton reads 0 as "whatever ORT takes", which is all cores for each session; ours is what the server
  // has decided, so that the threads of all instances together don't exceed the cores.
  const intraOpNumThreads =
    readCount(parameters, 'intra_op_thread_count', THREADS_MAX) || options.intraOpThreads;
  const interOpNumThreads = readCount(parameters, 'inter_op_thread_count', THREADS_MAX) || undefined;
  const executionMode = readChoice(parameters, 'execution_mode', ['0', '1']);
  const enableCpuMemArena = readFlag(parameters, 'enable_mem_arena');
  const onGpu = device.kind === 'gpu';
  const compiled = options.compiled === true;
  // On the CPU the second run takes what the first took once more, in one piece, and keeps both; no run is
  // faster for it.
  const enableMemPattern = readFlag(parameters, 'enable_mem_pattern') ?? (onGpu ? undefined : false);
  return {
    executionProviders: onGpu ? [{ name: 'cuda', deviceId: device.id }] : ['cpu'],
    graphOptimizationLevel: compiled ? 'disabled' : graphOptimizationLevel(options.graphLevel),
    intraOpNumThreads,
    ...(interOpNumThreads !== undefined && { interOpNumThreads }),
    ...(executionMode !== undefined && { executionMode: executionMode === '1' ? 'parallel' : 'sequential' }),
    ...(enableCpuMemArena !== undefined && { enableCpuMemArena }),
    ...(enableMemPattern !== undefined && { enableMemPattern }),
    logSeverityLevel: LOG_SEVERITY_FATAL,
    extra: {
      // A spinning pool burns a core between the runs of a quiet server.
      ...(intraOpNumThreads > 1 && { [ALLOW_SPINNING]: '0' }),
      // ORT packs weights to see that the packed ones which it maps are the same; the arena would keep the room.
      ...(compiled && { [INITIALISERS_BY_DEVICE]: '1' }),
      ...Object.fromEntries(Object.entries(parameters).filter(([key]) => key.startsWith('session.'))),
    },
  };
}

/** Meaning of `optimization.graph.level`, as Triton's backend reads it. */
function graphOptimizationLevel(level: number): 'disabled' | 'basic' | 'extended' | 'all' {
  switch (level) {
    case -1:
      return 'basic';
    case 1:
      return 'extended';
    case 2:
      return 'disabled';
    default:
      return 'all';
  }
}
