import { encodeRequest } from './infer-protos.js';
import { bytesElement, fp32, int32, simpleRequest } from './messages.js';

/** A stream of numbers that a seed decides: mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

/** Valid messages that use every field of `ModelInferRequest`, to `simple` and to a model `echo`. */
export function validMessages(): Buffer[] {
  const echo = (inputs: object[], extra: object = {}): object => ({ model_name: 'echo', inputs, ...extra });
  const typed = (datatype: string, contents: object): object =>
    echo([{ name: 'INPUT0', datatype, shape: [1, 2], contents }]);
  return [
    simpleRequest(0, 1),
    simpleRequest(3, 8, { id: 'batch', model_version: '1' }),
    simpleRequest(0, 1, { outputs: [{ name: 'OUTPUT0' }, { name: 'OUTPUT1' }] }),
    simpleRequest(0, 1, {
      id: 'r-1',
      parameters: {
        sequence_id: { int64_param: 7 },
        sequence_start: { bool_param: true },
        priority: { uint64_param: 1 },
        timeout: { int64_param: 1_000_000 },
        custom: { string_param: 'text' },
        ratio: { double_param: 0.5 },
      },
      outputs: [{ name: 'OUTPUT0', parameters: { classification: { int64_param: 3 } } }],
    }),
    {
      model_name: 'simple',
      inputs: ['INPUT0', 'INPUT1'].map((name) => ({
        name,
        datatype: 'INT32',
        shape: [1, 16],
        contents: { int_contents: Array.from({ length: 16 }, (_, i) => i - 8) },
      })),
    },
    typed('BOOL', { bool_contents: [true, false] }),
    typed('INT8', { int_contents: [-1, 300] }),
    typed('INT64', { int64_contents: [-1, 2 ** 40] }),
    typed('UINT16', { uint_contents: [1, 65_535] }),
    typed('UINT64', { uint64_contents: [0, 2 ** 50] }),
    typed('FP32', { fp32_contents: [1.5, -2] }),
    typed('FP64', { fp64_contents: [1e300, -0] }),
    typed('BYTES', { bytes_contents: [Buffer.from('a'), Buffer.from('longer element')] }),
    echo([{ name: 'INPUT0', datatype: 'FP32', shape: [2, 64] }], {
      raw_input_contents: [fp32(...Array.from({ length: 128 }, (_, i) => i))],
    }),
    echo([{ name: 'INPUT0', datatype: 'BYTES', shape: [2] }], {
      raw_input_contents: [Buffer.concat([Buffer.from('ab'), Buffer.from('')].map(bytesElement))],
    }),
    echo(
      [
        {
          name: 'INPUT0',
          datatype: 'INT32',
          shape: [1],
          parameters: { shared_memory_region: { string_param: 'region' } },
        },
      ],
      { raw_input_contents: [int32(1)] },
    ),
  ].map(encodeRequest);
}

type Mutation = (bytes: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

const HUGE_VARINTS = [
  Buffer.from('ffffffff0f', 'hex'),
  Buffer.from('ffffffffffffffff7f', 'hex'),
  Buffer.from('ffffffffffffffffff01', 'hex'),
  Buffer.from('ffffffffffffffffffffff01', 'hex'),
];

/** Bytes replaced from `start` on. */
function overwrite(bytes: Buffer, start: number, patch: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), patch, bytes.subarray(start + 1)]);
}

/** Start of the value of a random length-delimited field at the top of the message, or 0. */
function someLength(bytes: Buffer, random: Random): number {
  const offsets: number[] = [];
  for (let position = 0; position + 1 < bytes.length; ) {
    const isDelimited = ((bytes[position] ?? 0) & 7) === 2;
    if (!isDelimited) break;
    offsets.push(position + 1);
    let length = 0;
    let shift = 0;
    position++;
    for (let byte = 0x80; byte >= 0x80 && position < bytes.length; shift += 7) {
      byte = bytes[position++] ?? 0;
      length += (byte & 0x7f) * 2 ** shift;
    }
    position += length;
  }
  return offsets.length === 0 ? 0 : random.pick(offsets);
}

const MUTATIONS: readonly Mutation[] = [
  function flipBits(bytes, random) {
    const flipped = Buffer.from(bytes);
    for (let flips = 1 + random.below(8); flips > 0; flips--) {
      const index = random.below(flipped.length);
      flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
    }
    return flipped;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function splice(bytes, random, others) {
    const other = random.pick(others);
    return Buffer.concat([
      bytes.subarray(0, random.below(bytes.length)),
      other.subarray(random.below(other.length)),
    ]);
  },
  function lieAboutLength(bytes, random) {
    return overwrite(bytes, someLength(bytes, random), Buffer.from([random.below(256)]));
  },
  function hugeVarint(bytes, random) {
    const start = random.below(2) === 0 ? someLength(bytes, random) : random.below(bytes.length);
    return overwrite(bytes, start, random.pick(HUGE_VARINTS));
  },
  function removeBytes(bytes, random) {
    const start = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random.below(8))]);
  },
  function insertBytes(bytes, random) {
    const start = random.below(bytes.length);
    const noise = Buffer.from(Array.from({ length: 1 + random.below(16) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, start), noise, bytes.subarray(start)]);
  },
  function flipOneBit(bytes, random) {
    const flipped = Buffer.from(bytes);
    const index = random.below(flipped.length);
    flipped[index] = (flipped[index] ?? 0) ^ (1 << random.below(8));
    return flipped;
  },
  function merge(bytes, random, others) {
    return Buffer.concat([bytes, random.pick(others)]);
  },
  function appendUnknownField(bytes, random) {
    // Numbers from 16 on: a varint, a group, four bytes.
    const fields = ['80017f', '83010801' + '8401', '8d0101020304', '830183018401' + '8401'];
    return Buffer.concat([bytes, Buffer.from(random.pick(fields), 'hex')]);
  },
  function repeatPart(bytes, random) {
    const start = random.below(bytes.length);
    const part = bytes.subarray(start, start + 1 + random.below(32));
    return Buffer.concat([bytes, part, part]);
  },
];

/**
 * `count` damaged `ModelInferRequest` messages, the same for the same seed: valid ones with bits flipped,
 * cut, spliced, with wrong lengths and endless varints. Some are still valid messages.
 */
export function mutatedMessages(seed: number, count: number): Buffer[] {
  const random = new Random(seed);
  const valid = validMessages();
  return Array.from({ length: count }, () => {
    let bytes = random.pick(valid);
    for (let rounds = 1 + random.below(2); rounds > 0 && bytes.length > 0; rounds--) {
      bytes = random.pick(MUTATIONS)(bytes, random, valid);
    }
    return bytes;
  });
}
