import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunInputs } from '#naiad/backend/backend.js';
import { ServingError } from '#naiad/errors/serving-error.js';
import { BYTE_SIZES, type Datatype } from '#naiad/tensor/datatype.js';
import { elementCount } from '#naiad/tensor/shape.js';
import { Lane } from '#naiad/worker/lane.js';
import {
  anIdentityLoad,
  anOnnxLoad,
  aTensor,
  int32Tensor,
  int32Values,
  removeModel,
  writeModel,
} from '../support/instances.js';
import { addSub, identityModel, type OnnxDim, onnxModel } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';

const log = new RecordedLog();
const files: string[] = [];
let lane: Lane;
let lastInstance = 0;

beforeAll(() => {
  lane = new Lane({ id: 1, log, onLost: () => {}, onSlowed: () => {} });
});
afterAll(async () => {
  await lane.close();
  files.forEach(removeModel);
});

async function loadOnnx(bytes: Uint8Array): Promise<(batch: RunInputs) => ReturnType<Lane['run']>> {
  const file = writeModel(bytes);
  files.push(file);
  const id = ++lastInstance;
  await lane.load(id, 'onnxruntime', anOnnxLoad(file).options);
  return (batch) => lane.run(id, batch);
}

/** Elements that show a wrong width, order or sign; FP16 and the others as mere bits. */
function patternOf(datatype: Datatype, elements: number): Uint8Array {
  const modulus = datatype === 'BOOL' ? 2 : 251;
  return Uint8Array.from({ length: elements * BYTE_SIZES[datatype] }, (_, index) => (index * 7) % modulus);
}

function bytesElements(strings: readonly string[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      strings.flatMap((text) => {
        const bytes = Buffer.from(text);
        const length = Buffer.alloc(4);
        length.writeUInt32LE(bytes.length);
        return [length, bytes];
      }),
    ),
  );
}

const NUMERIC: readonly Datatype[] = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
];
const SHAPES: readonly { dims: readonly OnnxDim[]; shape: readonly number[] }[] = [
  { dims: ['batch', 3], shape: [2, 3] },
  { dims: ['batch', 3], shape: [0, 3] },
  { dims: [], shape: [] },
  { dims: ['batch', 'n', 'm'], shape: [1, 200, 150] },
];

describe('through a lane and ONNX Runtime', () => {
  for (const datatype of NUMERIC) {
    it(`${datatype} tensors come back as they were: rows, no rows, a scalar, a big one`, async () => {
      for (const { dims, shape } of SHAPES) {
        const run = await loadOnnx(identityModel(datatype, dims));
        const data = patternOf(datatype, elementCount(shape));
        const sent = new Uint8Array(data);
        const { outputs } = await run({
          inputs: [aTensor('INPUT0', datatype, shape, sent)],
          outputs: ['OUTPUT0'],
        });
        expect(outputs).toHaveLength(1);
        expect(outputs[0]).toMatchObject({ name: 'OUTPUT0', datatype, shape });
        // Not toEqual, which takes its time over 240,000 elements.
        expect(Buffer.compare(outputs[0]?.data ?? Buffer.alloc(0), data)).toBe(0);
      }
    });
  }

  it.each([
    [
      ['batch', 'n'],
      [2, 2],
      ['', 'zwölf', '水の精', '🧜🏽‍♀️'],
    ],
    [['batch', 'n'], [0, 4], []],
    [[], [], ['one']],
    [['batch'], [3000], Array.from({ length: 3000 }, (_, index) => `element ${index}`)],
  ] as const)('strings of dims %j and shape %j come back as they were', async (dims, shape, strings) => {
    const run = await loadOnnx(identityModel('BYTES', dims));
    const data = bytesElements(strings);
    const { outputs } = await run({
      inputs: [aTensor('INPUT0', 'BYTES', shape, new Uint8Array(data))],
      outputs: ['OUTPUT0'],
    });
    expect(outputs[0]).toMatchObject({ datatype: 'BYTES', shape });
    expect(Buffer.compare(outputs[0]?.data ?? Buffer.alloc(0), data)).toBe(0);
  });

  it('adds and subtracts', async () => {
    const run = await loadOnnx(addSub(['batch', 4]));
    const { outputs, marks } = await run({
      inputs: [
        int32Tensor('INPUT0', [1, 2, 3, 4, 5, 6, 7, 8], 4),
        int32Tensor('INPUT1', [8, 7, 6, 5, 4, 3, 2, 1], 4),
      ],
      outputs: ['OUTPUT1', 'OUTPUT0'],
    });
    expect(outputs.map(({ name }) => name)).toEqual(['OUTPUT1', 'OUTPUT0']);
    expect(outputs.map(int32Values)).toEqual([
      [-7, -5, -3, -1, 1, 3, 5, 7],
      [9, 9, 9, 9, 9, 9, 9, 9],
    ]);
    expect(marks.end).toBeGreaterThan(marks.start);
  });

  it('marks its stages on the clock of the serving thread', async () => {
    const run = await loadOnnx(addSub(['batch', 1]));
    const before = process.hrtime.bigint();
    const { marks } = await run({
      inputs: [int32Tensor('INPUT0', [1]), int32Tensor('INPUT1', [1])],
      outputs: ['OUTPUT0'],
    });
    const after = process.hrtime.bigint();
    // Nanoseconds since the machine's start are beyond what a number holds exactly.
    expect(marks.start).toBeGreaterThan(Number(before) - 1e3);
    expect(marks.end).toBeLessThan(Number(after) + 1e3);
  });

  it('answers after it was tidied, and can be tidied when it has ended', async () => {
    const own = new Lane({ id: 2, log, onLost: () => {}, onSlowed: () => {} });
    const { backend, options } = anIdentityLoad();
    await own.load(1, backend, options);
    const asked = own.asked;
    await own.tidy();
    expect(own.asked).toBe(asked + 1);
    expect(own.isIdle).toBe(true);
    const inputs = [int32Tensor('INPUT0', [5])];
    const { outputs } = await own.run(1, { inputs, outputs: ['OUTPUT0'] });
    expect(outputs.map(int32Values)).toEqual([[5]]);
    await own.unload(1);
    await own.close();
    await own.tidy();
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('gives big buffers away and leaves small ones to the caller', async () => {
    const run = await loadOnnx(addSub(['batch', 1]));
    const big = int32Tensor('INPUT0', new Array<number>(5000).fill(1), 1);
    const { outputs } = await run({
      inputs: [big, int32Tensor('INPUT1', new Array<number>(5000).fill(2), 1)],
      outputs: ['OUTPUT0'],
    });
    expect(big.data.byteLength).toBe(0);
    expect(outputs[0]?.data.byteLength).toBe(20_000);
    const small = int32Tensor('INPUT0', [1]);
    await run({ inputs: [small, int32Tensor('INPUT1', [1])], outputs: ['OUTPUT0'] });
    expect(int32Values(small)).toEqual([1]);
  });

  it('takes views on a received message, which stays whole', async () => {
    const run = await loadOnnx(addSub(['batch', 1]));
    const message = Buffer.alloc(100_001, 1);
    const view = (name: string, offset: number) =>
      aTensor(name, 'INT32', [10_000, 1], message.subarray(offset, offset + 40_000));
    const { outputs } = await run({
      inputs: [view('INPUT0', 3), view('INPUT1', 50_001)],
      outputs: ['OUTPUT0'],
    });
    expect(int32Values(outputs[0] ?? int32Tensor('', []))).toEqual(new Array(10_000).fill(0x02020202));
    expect(message.byteLength).toBe(100_001);
  });
});

describe('an error in a lane', () => {
  const numbers = (columns: number) => [
    int32Tensor('INPUT0', new Array<number>(columns).fill(1)),
    int32Tensor('INPUT1', [1, 2, 3, 4]),
  ];

  it('of ONNX Runtime reaches the caller as text, and the lane goes on', async () => {
    const run = await loadOnnx(addSub(['batch', 4]));
    await expect(run({ inputs: numbers(3), outputs: ['OUTPUT0'] })).rejects.toEqual(
      new ServingError(
        'INTERNAL',
        'onnx runtime error 2: Got invalid dimensions for input: INPUT0 for the following indices\n index: 1 Got: 3 Expected: 4\n Please fix either the inputs/outputs or the model.',
      ),
    );
    const { outputs } = await run({ inputs: numbers(4), outputs: ['OUTPUT0'] });
    expect(outputs.map(int32Values)).toEqual([[2, 3, 4, 5]]);
  });

  it.each([
    ['an input that is missing', [int32Tensor('INPUT0', [1, 2, 3, 4])], ['OUTPUT0'], /INPUT1/],
    ['an output that does not exist', numbers(4), ['OUTPUT7'], /OUTPUT7/],
    [
      'a wrong datatype',
      [aTensor('INPUT0', 'FP32', [1, 4], new Uint8Array(16)), int32Tensor('INPUT1', [1, 2, 3, 4])],
      ['OUTPUT0'],
      /Unexpected input data type/,
    ],
  ] as const)('names %s', async (_, inputs, outputs, pattern) => {
    const run = await loadOnnx(addSub(['batch', 4]));
    await expect(run({ inputs, outputs })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringMatching(pattern),
    });
  });

  it('of a node in the graph comes without the sources of ONNX Runtime', async () => {
    const value = (name: string) => ({ name, type: 'INT32', dims: [name, 4] }) as const;
    const run = await loadOnnx(
      onnxModel({
        inputs: [value('a'), value('b')],
        outputs: [{ name: 'c', type: 'INT32', dims: ['c', 4] }],
        nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['c'] }],
      }),
    );
    const failure = run({
      inputs: [
        int32Tensor('a', new Array<number>(8).fill(1), 4),
        int32Tensor('b', new Array<number>(12).fill(1), 4),
      ],
      outputs: ['c'],
    });
    await expect(failure).rejects.toMatchObject({
      message: expect.stringMatching(/^onnx runtime error 6: .*2 by 3$/),
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining('onnxruntime_src') });
  });

  it('that is no business of clients is told to the log only', async () => {
    const run = await loadOnnx(identityModel('BYTES', ['n']));
    const truncated = aTensor('INPUT0', 'BYTES', [1], Uint8Array.of(9, 0, 0, 0, 65));
    await expect(run({ inputs: [truncated], outputs: ['OUTPUT0'] })).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'internal error, see the log of the server',
    });
    const line = log.lines.at(-1);
    expect(line).toMatchObject({ level: 'error', message: 'a model instance failed unexpectedly' });
    expect(line?.fields).toMatchObject({
      lane: 1,
      err: { message: 'a string of the tensor ends at byte 13 of 5' },
    });
  });

  it('of an instance that is not there is ours', async () => {
    await expect(lane.run(999, { inputs: [], outputs: [] })).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(lane.unload(999)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('that a backend reports for clients keeps its status and text', async () => {
    const id = ++lastInstance;
    await lane.load(id, 'identity', anIdentityLoad({ fault: 'error' }).options);
    await expect(lane.run(id, { inputs: [], outputs: [] })).rejects.toEqual(
      new ServingError('INTERNAL', "model 'identity' fails as its parameter 'fault' asks"),
    );
  });

  it('of a load is the reason in words', async () => {
    const { options } = anOnnxLoad('/nowhere/model.onnx');
    await expect(lane.load(++lastInstance, 'onnxruntime', options)).rejects.toThrow("File doesn't exist");
    await expect(lane.load(++lastInstance, 'tensorflow', options)).rejects.toThrow(
      "unknown backend 'tensorflow'",
    );
  });
});

describe('the requests of a lane', () => {
  it('are answered in their order, across instances', async () => {
    const [slow, quick] = [++lastInstance, ++lastInstance];
    await lane.load(slow, 'identity', anIdentityLoad({ execute_delay_ms: '30' }).options);
    await lane.load(quick, 'identity', anIdentityLoad().options);
    const answered: string[] = [];
    const run = async (label: string, id: number) => {
      const { marks } = await lane.run(id, { inputs: [int32Tensor('X', [1])], outputs: ['OUTPUT0'] });
      answered.push(label);
      return marks;
    };
    const [first, second, third] = await Promise.all([
      run('slow', slow),
      run('quick', quick),
      run('slow again', slow),
    ]);
    expect(answered).toEqual(['slow', 'quick', 'slow again']);
    // None counts the time of the one before it.
    expect(second?.start).toBeGreaterThanOrEqual(first?.end ?? 0);
    expect(third?.start).toBeGreaterThanOrEqual(second?.end ?? 0);
  });

  it('end with the unload of their instance', async () => {
    const id = ++lastInstance;
    await lane.load(id, 'identity', anIdentityLoad().options);
    await lane.unload(id);
    await expect(lane.run(id, { inputs: [], outputs: [] })).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('are waited for before the thread ends', async () => {
    const other = new Lane({ id: 2, log, onLost: () => {}, onSlowed: () => {} });
    await other.load(1, 'identity', anIdentityLoad({ execute_delay_ms: '50' }).options);
    const settled: string[] = [];
    const run = other
      .run(1, { inputs: [int32Tensor('X', [7])], outputs: ['OUTPUT0'] })
      .then(({ outputs }) => settled.push(`ran ${outputs.map(int32Values)}`));
    const closed = other.close().then(() => settled.push('closed'));
    await Promise.all([run, closed]);
    expect(settled).toEqual(['ran 7', 'closed']);
    await expect(other.run(1, { inputs: [], outputs: [] })).rejects.toThrow('closing');
  });
});
