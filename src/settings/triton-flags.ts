import { readBoolean } from './flag.js';
import type { ForeignFlags, ForeignVerdict } from './parse-flags.js';

/** A flag of `tritonserver` that this server does not have. */
export interface TritonFlag {
  readonly name: string;
  /** `refused`: without it the server would do something else than asked. `ignored`: it would not. */
  readonly verdict: 'refused' | 'ignored';
  /** Value that asks for what this server does anyway, accepted without a word. */
  readonly neutral?: string;
  /** Why it can be ignored, or what to do instead. */
  readonly why?: string;
}

const METRICS = 'there are no such metrics yet';
const NO_PLUGINS = 'backends are part of this server';
const NO_POOLS = 'there is no such memory pool';
const NO_TLS = 'TLS is not supported yet: put a proxy in front';
const THREADS = 'this server needs no such threads';

function all(names: readonly string[], rest: Omit<TritonFlag, 'name'>): TritonFlag[] {
  return names.map((name) => ({ name, ...rest }));
}

/** All of them but those that this server has. */
export const TRITON_FLAGS: readonly TritonFlag[] = [
  { name: 'model-namespacing', verdict: 'refused', neutral: 'false' },
  { name: 'enable-peer-access', verdict: 'ignored', why: 'no memory is shared between GPUs' },
  ...all(['reuse-grpc-port', 'reuse-http-port'], { verdict: 'refused', neutral: 'false' }),
  ...all(['grpc-header-forward-pattern', 'http-header-forward-pattern'], { verdict: 'refused' }),
  ...all(['grpc-restricted-protocol', 'http-restricted-api'], { verdict: 'refused' }),
  ...all(['grpc-infer-thread-count', 'http-thread-count', 'buffer-manager-thread-count'], {
    verdict: 'ignored',
    why: THREADS,
  }),
  ...all(['grpc-infer-allocation-pool-size', 'grpc-max-response-pool-size'], {
    verdict: 'ignored',
    why: NO_POOLS,
  }),
  ...all(['grpc-use-ssl', 'grpc-use-ssl-mutual'], { verdict: 'refused', neutral: 'false', why: NO_TLS }),
  ...all(['grpc-server-cert', 'grpc-server-key', 'grpc-root-cert'], { verdict: 'refused', why: NO_TLS }),
  { name: 'grpc-infer-response-compression-level', verdict: 'refused', neutral: 'none' },
  ...all(
    [
      'grpc-keepalive-time',
      'grpc-keepalive-timeout',
      'grpc-keepalive-permit-without-calls',
      'grpc-http2-max-pings-without-data',
      'grpc-http2-min-recv-ping-interval-without-data',
      'grpc-http2-max-ping-strikes',
      'grpc-max-connection-age',
      'grpc-max-connection-age-grace',
    ],
    { verdict: 'refused' },
  ),
  { name: 'allow-gpu-metrics', verdict: 'ignored', neutral: 'false', why: METRICS },
  { name: 'allow-cpu-metrics', verdict: 'ignored', neutral: 'false', why: METRICS },
  ...all(['metrics-interval-ms', 'metrics-config'], { verdict: 'ignored', why: METRICS }),
  { name: 'log-file', verdict: 'refused', why: 'the log goes to standard output: redirect it' },
  ...all(['cache-config', 'cache-directory', 'response-cache-byte-size'], {
    verdict: 'refused',
    why: 'there is no response cache yet',
  }),
  { name: 'rate-limit', verdict: 'refused', neutral: 'off' },
  { name: 'rate-limit-resource', verdict: 'refused' },
  ...all(['pinned-memory-pool-byte-size', 'cuda-memory-pool-byte-size', 'cuda-virtual-address-size'], {
    verdict: 'ignored',
    why: NO_POOLS,
  }),
  { name: 'min-supported-compute-capability', verdict: 'ignored', why: 'ONNX Runtime decides that itself' },
  { name: 'host-policy', verdict: 'refused' },
  { name: 'model-load-gpu-limit', verdict: 'refused' },
  { name: 'backend-directory', verdict: 'ignored', why: NO_PLUGINS },
  { name: 'repoagent-directory', verdict: 'ignored', why: 'there are no repository agents' },
  { name: 'backend-config', verdict: 'refused' },
  ...all(['allow-sagemaker', 'allow-vertex-ai'], { verdict: 'refused', neutral: 'false' }),
  ...all(
    [
      'sagemaker-port',
      'sagemaker-safe-port-range',
      'sagemaker-thread-count',
      'vertex-ai-port',
      'vertex-ai-thread-count',
      'vertex-ai-default-model',
    ],
    { verdict: 'refused' },
  ),
];

const BY_NAME = new Map(TRITON_FLAGS.map((flag) => [flag.name, flag]));

/**
 * Triton's other flags, so that none is ignored in silence: refused by name where ignoring it would
 * serve something else than was asked for, else a warning.
 */
export const tritonFlags: ForeignFlags = {
  names: [...BY_NAME.keys()],
  judge(name, value): ForeignVerdict | null {
    const flag = BY_NAME.get(name);
    if (flag === undefined) return null;
    if (flag.neutral !== undefined && value !== null && sameValue(flag.neutral, value)) {
      return { kind: 'fine' };
    }
    const why = flag.why === undefined ? '' : `: ${flag.why}`;
    const neutral = flag.neutral === undefined ? '' : ` (only --${name}=${flag.neutral} is accepted)`;
    return flag.verdict === 'ignored'
      ? { kind: 'warning', text: `--${name} is ignored${why}` }
      : { kind: 'mistake', text: `--${name} of Triton is not supported by this server${neutral}${why}` };
  },
};

function sameValue(neutral: string, value: string): boolean {
  if (neutral === value) return true;
  const boolean = readBoolean(neutral);
  return boolean !== undefined && boolean === readBoolean(value);
}
