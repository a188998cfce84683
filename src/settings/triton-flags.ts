import { readBoolean } from './flag.js';
import type { ForeignFlags, ForeignVerdict } from './parse-flags.js';

/** A flag of `tritonserver` that has no meaning here. */
export interface TritonFlag {
  readonly name: string;
  /** Value that asks for what this server does anyway, accepted without a word. */
  readonly neutral?: string;
  /** Why it has none, for the warning. */
  readonly why: string;
}

const NO_PLUGINS = 'backends are part of this server';
const NO_POOLS = 'there is no such memory pool';
const THREADS = 'this server needs no such threads';
const PINGS = 'pings are answered at all times, and connections are kept';
const NO_CACHE = 'there is no response cache, every request runs';
const NO_RATES = 'instances are not limited by rates or resources';
const NO_PLATFORM = 'there is no such front end';

function all(names: readonly string[], rest: Omit<TritonFlag, 'name'>): TritonFlag[] {
  return names.map((name) => ({ name, ...rest }));
}

/** All of them but those that this server has. */
export const TRITON_FLAGS: readonly TritonFlag[] = [
  {
    name: 'model-namespacing',
    neutral: 'false',
    why: 'a name that two repositories have is served by neither, and the index says so',
  },
  { name: 'enable-peer-access', why: 'no memory is shared between GPUs' },
  ...all(['reuse-grpc-port', 'reuse-http-port'], {
    neutral: 'false',
    why: 'a port belongs to one server: put a balancer in front of several',
  }),
  ...all(['grpc-infer-thread-count', 'http-thread-count', 'buffer-manager-thread-count'], { why: THREADS }),
  ...all(['grpc-infer-allocation-pool-size', 'grpc-max-response-pool-size'], { why: NO_POOLS }),
  {
    name: 'grpc-infer-response-compression-level',
    neutral: 'none',
    why: 'answers over gRPC are not compressed, which tensors seldom gain from',
  },
  ...all(
    [
      'grpc-keepalive-permit-without-calls',
      'grpc-http2-max-pings-without-data',
      'grpc-http2-min-recv-ping-interval-without-data',
      'grpc-http2-max-ping-strikes',
    ],
    { why: PINGS },
  ),
  ...all(['cache-config', 'cache-directory', 'response-cache-byte-size'], { why: NO_CACHE }),
  { name: 'rate-limit', neutral: 'off', why: NO_RATES },
  { name: 'rate-limit-resource', why: NO_RATES },
  ...all(['pinned-memory-pool-byte-size', 'cuda-memory-pool-byte-size', 'cuda-virtual-address-size'], {
    why: NO_POOLS,
  }),
  { name: 'min-supported-compute-capability', why: 'ONNX Runtime decides that itself' },
  { name: 'host-policy', why: 'threads run where the system puts them: use taskset or numactl' },
  { name: 'model-load-gpu-limit', why: 'what does not fit fails to load' },
  { name: 'backend-directory', why: NO_PLUGINS },
  { name: 'repoagent-directory', why: 'there are no repository agents' },
  { name: 'backend-config', why: 'a backend is configured by the parameters of each model' },
  ...all(['allow-sagemaker', 'allow-vertex-ai'], { neutral: 'false', why: NO_PLATFORM }),
  ...all(
    [
      'sagemaker-port',
      'sagemaker-safe-port-range',
      'sagemaker-thread-count',
      'vertex-ai-port',
      'vertex-ai-thread-count',
      'vertex-ai-default-model',
    ],
    { why: NO_PLATFORM },
  ),
];

const BY_NAME = new Map(TRITON_FLAGS.map((flag) => [flag.name, flag]));

/** Triton's other flags: accepted, so that its command lines work, each with a warning that tells why it changes nothing. */
export const tritonFlags: ForeignFlags = {
  names: [...BY_NAME.keys()],
  judge(name, value): ForeignVerdict | null {
    const flag = BY_NAME.get(name);
    if (flag === undefined) return null;
    if (flag.neutral !== undefined && value !== null && sameValue(flag.neutral, value)) {
      return { kind: 'fine' };
    }
    return { kind: 'warning', text: `--${name} is ignored: ${flag.why}` };
  },
};

function sameValue(neutral: string, value: string): boolean {
  if (neutral === value) return true;
  const boolean = readBoolean(neutral);
  return boolean !== undefined && boolean === readBoolean(value);
}
