import { gzipSync } from 'node:zlib';
import { fp32 } from '../support/messages.js';
import { Random } from '../support/mutator.js';

/** A request before it is written down. */
export interface Sketch {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

const sketch = (
  method: string,
  target: string,
  body: unknown = '',
  headers: Sketch['headers'] = [],
): Sketch => ({
  method,
  target,
  headers,
  body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

const ECHO = {
  id: 'a',
  parameters: { priority: 1, custom: 'text', ratio: 0.5, sequence_start: false },
  inputs: [
    { name: 'INPUT0', datatype: 'FP32', shape: [2, 2], data: [1, -2.5, [3, 4e10]] },
    { name: 'INPUT1', datatype: 'BYTES', shape: [2], data: ['a', 'größe\u0000\\n'] },
  ],
  outputs: [{ name: 'OUTPUT0', parameters: { classification: 1, binary_data: false } }],
};
const BINARY = JSON.stringify({
  inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [2], parameters: { binary_data_size: 8 } }],
  outputs: [{ name: 'OUTPUT0', parameters: { binary_data: true } }],
});
const HEADER_LENGTH = ['Inference-Header-Content-Length', String(BINARY.length)] as const;

/** Valid requests of all kinds, to a model `echo`. */
const VALID: readonly Sketch[] = [
  sketch('GET', '/v2'),
  sketch('GET', '/v2/health/ready'),
  sketch('HEAD', '/v2/models/echo/versions/1/ready'),
  sketch('GET', '/v2/models/e%63ho/config?pretty=1'),
  sketch('GET', '/v2/models/stats'),
  sketch('POST', '/v2/repository/index', { ready: true }),
  sketch('POST', '/v2/repository/models/echo/load', {
    parameters: { config: '{"backend":"x"}', 'file:1/model.onnx': 'A'.repeat(40_000) },
  }),
  sketch('POST', '/v2/repository/models/other/unload', { parameters: { unload_dependents: true } }),
  sketch('POST', '/v2/models/echo/infer', ECHO),
  sketch('POST', '/v2/models/echo/infer', ECHO, [['Accept-Encoding', 'gzip;q=0.5, deflate']]),
  sketch('POST', '/v2/models/echo/infer', gzipSync(JSON.stringify(ECHO)), [['Content-Encoding', 'gzip']]),
  sketch('POST', '/v2/models/echo/infer', Buffer.concat([Buffer.from(BINARY), fp32(1, 2)]), [HEADER_LENGTH]),
  sketch('POST', '/v2/models/echo/versions/1/generate', { INPUT0: [1.5], id: 'g' }),
  sketch('POST', '/v2/models/echo/generate_stream', { INPUT0: 'text' }),
  sketch('POST', '/v2/systemsharedmemory/region/r/register', { key: '/k', offset: 0, byte_size: 64 }),
  sketch('POST', '/v2/trace/setting', { trace_level: ['OFF'], trace_rate: '10' }),
  sketch('POST', '/v2/logging', { log_verbose_level: 1 }),
];

const TOKENS = [
  '',
  '"',
  '\\',
  '\\ud800',
  '\u0000',
  'null',
  '-1',
  '1e999',
  '9223372036854775808',
  '18446744073709551616',
  '0.1',
  'true',
  '{}',
  '[]',
  '{"a":',
  '['.repeat(2000),
  '{"a":['.repeat(2000),
  'x'.repeat(20_000),
  '%',
  '%00',
  '%zz',
  '%E0%A4',
  '../',
  '//',
  '?',
  '#',
  ';',
  'é',
  'binary_data_size',
  'shared_memory_region',
  '__proto__',
];

const VALUES = [
  '',
  '0',
  '-1',
  '1',
  '2e9',
  '18446744073709551616',
  'gzip',
  'br',
  'chunked',
  '100-continue',
  'x'.repeat(500),
];

const NAMES = [
  'Content-Encoding',
  'Accept-Encoding',
  'Inference-Header-Content-Length',
  'Expect',
  'Upgrade',
  'Content-Type',
  'Range',
  'Traceparent',
];

function damagedText(text: string, random: Random): string {
  const start = random.below(text.length + 1);
  const end = random.below(3) === 0 ? start + random.below(8) : start;
  return text.slice(0, start) + random.pick(TOKENS) + text.slice(end);
}

function damagedBytes(bytes: Buffer, random: Random): Buffer {
  if (random.below(4) === 0) return bytes.subarray(0, random.below(bytes.length + 1));
  if (random.below(2) === 0) {
    const start = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), Buffer.from(random.pick(TOKENS)), bytes.subarray(start)]);
  }
  const flipped = Buffer.from(bytes);
  for (let flips = 1 + random.below(6); flips > 0; flips--) {
    const index = random.below(flipped.length + 1);
    if (index < flipped.length) flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
  }
  return flipped;
}

/** A request of which some part is damaged, but its end can still be found. */
function damagedSketch(random: Random): Sketch {
  const valid = random.pick(VALID);
  switch (random.below(8)) {
    case 0:
      return { ...valid, target: `/${damagedText(valid.target, random).replace(/[^!-~]/g, '')}` };
    case 1:
      return { ...valid, target: random.pick(VALID).target };
    case 2:
      return { ...valid, method: random.pick(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']) };
    case 3:
      return { ...valid, headers: [...valid.headers, [random.pick(NAMES), random.pick(VALUES)]] };
    case 4:
      return { ...valid, headers: valid.headers.map(([name]) => [name, random.pick(VALUES)]) };
    default:
      return { ...valid, body: damagedBytes(valid.body, random) };
  }
}

function written({ method, target, headers, body }: Sketch): Buffer {
  const all = [
    ['Host', 'a'],
    ...headers,
    ['Content-Length', String(body.length)],
    ['Connection', 'close'],
  ].map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${all.join('')}\r\n`), body]);
}

/** A request as bytes; `isWhole` = its end can be found, so that it must be answered. */
export interface MutatedRequest {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** Damaged requests, the same ones for the same seed. */
export function* mutatedRequests(seed: number, count: number): Generator<MutatedRequest> {
  const random = new Random(seed);
  for (let made = 0; made < count; made++) {
    const sketched = damagedSketch(random);
    if (random.below(4) > 0) yield { bytes: written(sketched), isWhole: true };
    else yield { bytes: damagedBytes(written(sketched), random), isWhole: false };
  }
}
