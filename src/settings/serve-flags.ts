import { booleanFlag, choiceFlag, type Flag, integerFlag, readBoolean, textFlag } from './flag.js';
import { GRPC_FLAGS } from './grpc-flags.js';
import { HTTP_FLAGS } from './http-flags.js';
import { LIMITS } from './limits.js';
import { METRICS_FLAGS } from './metrics-flags.js';
import { REPOSITORY_FLAGS } from './repository-flags.js';
import type { LogFormat, StatusMode } from './settings.js';
import { TRACE_FLAGS } from './trace-flags.js';

const SERVER = 'Server';
const COMPUTE = 'Computing';
const QUEUES = 'Queues';
const LOG = 'Log';

const VERBOSITY_MAX = 9;

/** Triton reads a boolean here as well. */
function readVerbosity(text: string): number | undefined {
  if (/^\d$/.test(text)) return Number(text);
  const boolean = readBoolean(text);
  return boolean === undefined ? undefined : Number(boolean);
}

/** The flags of `naiad serve`: Triton's names where the meaning is Triton's. */
export const SERVE_FLAGS = {
  id: textFlag({
    name: 'id',
    group: SERVER,
    fallback: 'triton',
    help: 'Name of the server in ServerMetadata.',
  }),
  exitTimeoutSecs: integerFlag({
    name: 'exit-timeout-secs',
    group: SERVER,
    fallback: 30,
    min: 0,
    max: 86_400,
    placeholder: 'SECS',
    help: 'How long to wait at exit for requests that run or wait.',
  }),
  exitOnError: booleanFlag({
    name: 'exit-on-error',
    group: SERVER,
    fallback: false,
    help: "Stop when a model can't be loaded at start. Triton's default is true; here one bad model does not keep the others from being served.",
  }),
  strictReadiness: booleanFlag({
    name: 'strict-readiness',
    group: SERVER,
    fallback: true,
    help: 'Be ready only when every model is ready; else as soon as the server answers.',
  }),
  allowClientSharedMemory: booleanFlag({
    name: 'allow-client-shm',
    group: SERVER,
    fallback: false,
    help: 'Let clients register POSIX shared memory of this machine, and pass tensors in it. Whoever can reach a port can then read and write what this process can open in /dev/shm.',
  }),
  statusMode: choiceFlag<StatusMode>({
    name: 'status-mode',
    group: SERVER,
    fallback: 'triton',
    choices: ['triton', 'grpc'],
    help: 'Statuses of requests that found a queue full, or waited in it for too long: triton = UNAVAILABLE, as Triton; grpc = RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED.',
  }),
  ...REPOSITORY_FLAGS,
  ...GRPC_FLAGS,
  ...HTTP_FLAGS,
  ...METRICS_FLAGS,
  cpuLanes: integerFlag({
    name: 'cpu-lanes',
    group: COMPUTE,
    fallback: 0,
    min: 0,
    max: LIMITS.cpuLanesMax,
    help: 'Threads that all CPU instances share, good for many small models; 0 = one thread per instance, up to --cpu-lanes-max.',
  }),
  cpuLanesMax: integerFlag({
    name: 'cpu-lanes-max',
    group: COMPUTE,
    fallback: 0,
    fallbackText: `${LIMITS.cpuLanesPerCore} per processor`,
    min: 1,
    max: LIMITS.cpuLanesMax,
    help: 'Most threads for CPU instances; further instances share them.',
  }),
  decodeThreads: integerFlag({
    name: 'decode-threads',
    group: COMPUTE,
    fallback: 0,
    fallbackText: 'as many as processors, at most 4',
    min: 1,
    max: 64,
    help: 'Threads that decode pictures.',
  }),
  queueRowsMax: integerFlag({
    name: 'queue-rows-max',
    group: QUEUES,
    fallback: LIMITS.queueRowsMax,
    min: 1,
    max: 2 ** 31 - 1,
    help: "Rows that may wait in one model's queue, where its configuration sets no max_queue_size; further requests are refused.",
  }),
  queueBytesMax: integerFlag({
    name: 'queue-bytes-max',
    group: QUEUES,
    fallback: LIMITS.queueBytesMax,
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: "Bytes of inputs that may wait in one model's queue; further requests are refused.",
  }),
  logVerbose: {
    ...integerFlag({
      name: 'log-verbose',
      group: LOG,
      fallback: 0,
      min: 0,
      max: VERBOSITY_MAX,
      help: '1 = debug, 2 and more = trace.',
    }),
    read: readVerbosity,
  },
  logInfo: booleanFlag({ name: 'log-info', group: LOG, fallback: true, help: 'Log at level info.' }),
  logWarning: booleanFlag({ name: 'log-warning', group: LOG, fallback: true, help: 'Log warnings.' }),
  logError: booleanFlag({ name: 'log-error', group: LOG, fallback: true, help: 'Log errors.' }),
  logFormat: choiceFlag<LogFormat | 'auto'>({
    name: 'log-format',
    group: LOG,
    fallback: 'auto',
    choices: ['auto', 'json', 'pretty', 'default', 'ISO8601'],
    help: "auto = pretty on a terminal, else json; default and ISO8601 are lines of Triton's look.",
  }),
  logFile: textFlag({
    name: 'log-file',
    group: LOG,
    fallback: '',
    fallbackText: 'standard output',
    placeholder: 'FILE',
    help: 'Where lines of the log are appended.',
  }),
  accessLog: booleanFlag({
    name: 'access-log',
    group: LOG,
    fallback: false,
    help: 'Log one line for each inference request.',
  }),
  ...TRACE_FLAGS,
} as const satisfies Record<string, Flag<unknown>>;
